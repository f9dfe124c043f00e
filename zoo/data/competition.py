"""The competition's layout: SPLIT/RECORD_ID/band_XX.npy and masks, any split absent, any band absent.

band_XX.npy is float32 (256, 256, 8), kelvin; a frame that is not held is wholly NaN. human_pixel_masks.npy
is (256, 256, 1), human_individual_masks.npy (256, 256, 1, R), both 0 or 1.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data.arrays import FileFault, read_array, read_first
from zoo.data.metadata import read_metadata
from zoo.data.records import BANDS, FRAMES, LABELLED, SIZE, SPLITS, Layout, Metadata, Record, in_order

PIXEL_MASKS = "human_pixel_masks.npy"
INDIVIDUAL_MASKS = "human_individual_masks.npy"


@dataclass(frozen=True)
class CompetitionSource:
    """A directory that holds any of train/, validation/ and test/."""

    root: Path
    name: str
    layout: Layout = "competition"

    @staticmethod
    def lies_at(root: Path) -> bool:
        """Whether `root` holds a record's folder in any split."""
        return any(_folders(root / split) for split in SPLITS)

    def records(self) -> tuple[Record, ...]:
        found = ((split, name) for split in SPLITS for name in _folders(self.root / split))
        return in_order(Record(name, split, self.name) for split, name in found)

    def path(self, record: Record) -> Path:
        return self.root / record.split / record.id

    def mask_path(self, record: Record) -> Path:
        return self.path(record) / PIXEL_MASKS

    def has_mask(self, record: Record) -> bool:
        return record.split != "test" and self.mask_path(record).is_file()

    def has_labelers(self, record: Record) -> bool:
        return (self.path(record) / INDIVIDUAL_MASKS).is_file()

    def band_path(self, record: Record, band: int) -> Path:
        """The file of one band."""
        return self.path(record) / band_name(band)

    def bands(self, record: Record) -> tuple[int, ...]:
        try:
            names = {path.name for path in self.path(record).iterdir()}
        except OSError as error:
            raise FileFault(self.path(record), f"cannot be listed ({error.strerror})") from error
        return tuple(band for band in BANDS if band_name(band) in names)

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        held = np.ones(FRAMES, bool)
        for band in bands:
            path = self.band_path(record, band)
            first = read_first(path, FRAMES)
            # Whatever is not as it should be, reading all of it says in words.
            held &= ~np.isnan(first if first.shape == (FRAMES,) and first.dtype.kind == "f" else read_band(path)[0, 0])
        return tuple(int(frame) + 1 for frame in held.nonzero()[0])

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        result = np.empty((len(bands), len(frames), SIZE, SIZE), np.float32)
        for planes, band in zip(result, bands):
            path = self.band_path(record, band)
            # The frames of a pixel lie side by side: reading one frame or all touches the whole file.
            values = read_band(path)
            for plane, frame in zip(planes, frames):
                plane[...] = values[..., frame - 1]
                _refuse_torn_frame(plane, frame, path)
        return result

    def mask(self, record: Record) -> NDArray[np.bool_]:
        path = self.mask_path(record)
        return as_mask(read_array(path), (SIZE, SIZE, 1), path)[..., 0]

    def labelers(self, record: Record) -> NDArray[np.bool_] | None:
        if not self.has_labelers(record):
            return None
        path = self.path(record) / INDIVIDUAL_MASKS
        stored = read_array(path)
        count = max(1, stored.shape[-1]) if stored.ndim == 4 else 1
        return np.moveaxis(as_mask(stored, (SIZE, SIZE, 1, count), path)[:, :, 0], -1, 0)

    def metadata(self) -> Mapping[str, Metadata]:
        paths = (self.root / f"{split}_metadata.json" for split in SPLITS)
        return {key: value for path in paths if path.exists() for key, value in read_metadata(path).items()}


def band_name(band: int) -> str:
    """The name of a band's file."""
    return f"band_{band:02d}.npy"


def read_band(path: Path) -> NDArray[np.floating[Any]]:
    """All frames of a band, kelvin: (256, 256, 8)."""
    values = read_array(path)
    if values.shape != (SIZE, SIZE, FRAMES) or values.dtype.kind != "f":
        expected = f"float32 {(SIZE, SIZE, FRAMES)}"
        raise FileFault(path, f"holds {values.dtype} {values.shape}, not {expected}")
    return values


def as_mask(values: NDArray[Any], shape: tuple[int, ...], path: Path) -> NDArray[np.bool_]:
    """Zeros and ones as booleans; FileFault where there is anything else, or another shape."""
    if values.shape != shape or values.dtype.kind not in "biu":
        raise FileFault(path, f"holds {values.dtype} {values.shape}, not int32 {shape}")
    marked = values == 1
    if not (marked | (values == 0)).all():
        raise FileFault(path, f"holds values from {values.min()} to {values.max()}, a mask only 0 and 1")
    return marked


def _refuse_torn_frame(plane: NDArray[np.float32], frame: int, path: Path) -> None:
    finite = np.isfinite(plane)
    if finite.all() or (frame != LABELLED and np.isnan(plane).all()):
        return
    raise FileFault(path, torn_frame(frame, int((~finite).sum())))


def torn_frame(frame: int, bad: int) -> str:
    """What to say of a frame with this many pixels that are no number."""
    if frame == LABELLED and bad == SIZE**2:
        return f"lacks the labelled frame, t{frame}"
    return f"frame t{frame} has {bad} pixels that are no number"


def _folders(split: Path) -> list[str]:
    try:
        with os.scandir(split) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{split}: cannot be listed ({error.strerror})") from error
