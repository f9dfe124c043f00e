"""The public ash-colour layout: contrails/RECORD_ID.npy, float16 (256, 256, 4): ash red, green, blue, label.

Only the labelled frame is there, and all scenes count as train. The kelvins of three bands come back from the
colours: exact where no colour is clipped, and the ash image made from them again is the file's everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data.arrays import FileFault, read_array
from zoo.data.records import LABELLED, SIZE, Layout, Metadata, Record, in_order

FOLDER = "contrails"
SHAPE = (SIZE, SIZE, 4)
BANDS = (11, 14, 15)


@dataclass(frozen=True)
class AshColourSource:
    """A directory with a folder `contrails` of ash-colour scenes."""

    root: Path
    name: str
    layout: Layout = "ash-colour"

    @staticmethod
    def lies_at(root: Path) -> bool:
        """Whether `root` holds ash-colour scenes."""
        return bool(_scenes(root / FOLDER))

    def records(self) -> tuple[Record, ...]:
        found = (name.removesuffix(".npy") for name in _scenes(self.root / FOLDER))
        return in_order(Record(name, "train", self.name, clipped=True) for name in found)

    def path(self, record: Record) -> Path:
        return self.root / FOLDER / f"{record.id}.npy"

    def mask_path(self, record: Record) -> Path:
        return self.path(record)

    def has_mask(self, record: Record) -> bool:
        return True

    def has_labelers(self, record: Record) -> bool:
        return False

    def bands(self, record: Record) -> tuple[int, ...]:
        return BANDS

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        return (LABELLED,)

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        absent = [band for band in bands if band not in BANDS]
        if absent:
            raise FileFault(
                self.path(record),
                f"an ash-colour scene holds bands 11, 14 and 15, not {absent[0]}",
                "choose an input of these bands, or leave this source out",
            )
        planes = colours_to_kelvin(self.read(record)[..., :3])
        result = np.full((len(bands), len(frames), SIZE, SIZE), np.nan, np.float32)
        for row, band in zip(result, bands):
            row[np.equal(frames, LABELLED)] = planes[BANDS.index(band)]
        return result

    def mask(self, record: Record) -> NDArray[np.bool_]:
        label = self.read(record)[..., 3]
        marked = label == 1
        if not (marked | (label == 0)).all():
            raise FileFault(self.path(record), "holds labels that are neither 0 nor 1")
        return marked

    def labelers(self, record: Record) -> NDArray[np.bool_] | None:
        return None

    def metadata(self) -> Mapping[str, Metadata]:
        return {}

    def read(self, record: Record) -> NDArray[np.float16]:
        """The file as it is, (256, 256, 4) float16, all finite."""
        path = self.path(record)
        values = read_array(path)
        if values.shape != SHAPE or values.dtype != np.float16:
            raise FileFault(path, f"holds {values.dtype} {values.shape}, not float16 {SHAPE}")
        if not np.isfinite(values).all():
            raise FileFault(path, "holds values that are no number")
        return values


def colours_to_kelvin(colours: NDArray[np.floating]) -> NDArray[np.float32]:
    """T11, T14 and T15, kelvin (3, H, W), of ash colours (H, W, 3) in 0 to 1."""
    red, green, blue = np.moveaxis(colours.astype(np.float32), -1, 0)
    t14 = 243 + 60 * blue
    return np.stack([t14 - (9 * green - 4), t14, t14 + (6 * red - 4)])


def _scenes(folder: Path) -> list[str]:
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from error
    return [name for name in names if name.endswith(".npy") and not name.startswith(".")]
