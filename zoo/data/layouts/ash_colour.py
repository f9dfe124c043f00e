"""Layout of the public ash-colour scenes: contrails/RECORD_ID.npy, float16 (256, 256, 4): red, green, blue, label.

Only the labelled frame is there, and all scenes count as train. The kelvins of three bands come back from the
colours: exact where no colour is clipped, and the ash image made from them again is the file's everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data.arrays import FileFault, read_array
from zoo.data.ash import ASH_BANDS, ash_to_kelvin
from zoo.data.layouts import LAYOUTS, Archived
from zoo.data.layouts._checks import label_faults
from zoo.data.records import (
    FRAMES,
    LABELLED,
    SIZE,
    ExpectedFiles,
    Fault,
    Finding,
    Record,
    Source,
    sorted_records,
)

FOLDER = "contrails"
SHAPE = (SIZE, SIZE, 4)


@LAYOUTS.register(
    "ash_colour",
    contents="ash-colour scenes",
    expects="contrails/*.npy",
    archived=Archived(
        path=r"(?P<root>(?:.*/)?)contrails/(?P<id>[^/.][^/]*)\.npy", bands=lambda name: ASH_BANDS, clipped=True
    ),
)
@dataclass(frozen=True)
class AshColourSource(Source):
    """Directory with a folder `contrails` of ash-colour scenes."""

    @staticmethod
    def recognises(root: Path) -> bool:
        """True if `root` holds ash-colour scenes."""
        return bool(_scenes(root / FOLDER))

    def records(self) -> tuple[Record, ...]:
        found = (name.removesuffix(".npy") for name in _scenes(self.root / FOLDER))
        return sorted_records(Record(name, "train", self.name, clipped=True) for name in found)

    def path(self, record: Record) -> Path:
        return self.root / FOLDER / f"{record.id}.npy"

    def has_mask(self, record: Record) -> bool:
        return True

    def bands(self, record: Record) -> tuple[int, ...]:
        return ASH_BANDS

    def files(self, record: Record, bands: Sequence[int]) -> tuple[Path, ...]:
        return (self.path(record),)

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        return (LABELLED,)

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        absent = [band for band in bands if band not in ASH_BANDS]
        if absent:
            raise FileFault(
                self.path(record),
                f"an ash-colour scene holds bands 11, 14 and 15, not {absent[0]}",
                "choose an input of these bands, or leave this source out",
            )
        colours = np.moveaxis(self._read(record)[..., :3].astype(np.float32), -1, 0)
        if what := _odd_colours(colours):
            raise FileFault(self.path(record), what)
        planes = dict(zip(ASH_BANDS, ash_to_kelvin(*colours)))
        result = np.full((len(bands), len(frames), SIZE, SIZE), np.nan, np.float32)
        for row, band in zip(result, bands):
            row[np.equal(frames, LABELLED)] = planes[band]
        return result

    def mask(self, record: Record) -> NDArray[np.bool_]:
        label = self._read(record)[..., 3]
        marked = label == 1
        if not (marked | (label == 0)).all():
            raise FileFault(self.path(record), "holds labels that are neither 0 nor 1")
        return marked

    def expected_files(self) -> ExpectedFiles:
        """Each record is one file."""
        return {record: frozenset((self.path(record).name,)) for record in self.records()}

    def check(self, record: Record, expected: frozenset[str]) -> Finding:
        """Check the one file of a scene."""
        path = self.path(record)
        try:
            faults = [Fault(record.id, path, what) for what in _faults(self._read(record))]
        except FileFault as error:
            faults = [Fault(record.id, path, error.fault)]
        absent = tuple((band, frame) for band in ASH_BANDS for frame in range(1, FRAMES + 1) if frame != LABELLED)
        return Finding(record, len(expected), ASH_BANDS, absent, True, tuple(faults))

    def _read(self, record: Record) -> NDArray[np.float16]:
        """Read the file as it is, (256, 256, 4) float16, all finite."""
        path = self.path(record)
        values = read_array(path)
        if values.shape != SHAPE or values.dtype != np.float16:
            raise FileFault(path, f"holds {values.dtype} {values.shape}, not float16 {SHAPE}")
        if not np.isfinite(values).all():
            raise FileFault(path, "holds values that are no number")
        return values


def _faults(values: NDArray[np.float16]) -> Iterator[str]:
    """Faults of an ash-colour image and its label, (256, 256, 4)."""
    label = values[..., 3]
    if what := _odd_colours(values[..., :3]):
        yield what
    odd = int(((label != 0) & (label != 1)).sum())
    if odd:
        yield f"holds {odd} labels that are neither 0 nor 1"
    yield from label_faults(label == 1)


def _odd_colours(colours: NDArray[np.floating]) -> str:
    low, high = colours.min(), colours.max()
    return "" if low >= 0 and high <= 1 else f"holds colours from {low:g} to {high:g}, allowed are 0 to 1"


def _scenes(folder: Path) -> list[str]:
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from error
    return [name for name in names if name.endswith(".npy") and not name.startswith(".")]
