"""Layout of the competition: SPLIT/RECORD_ID/band_XX.npy and masks, any split absent, any band absent.

band_XX.npy is float32 (256, 256, 8), kelvin; a frame that is not held is wholly NaN. human_pixel_masks.npy
is (256, 256, 1), human_individual_masks.npy (256, 256, 1, R), both 0 or 1.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data.arrays import REPAIR, FileFault, read_array, read_first
from zoo.data.layouts import LAYOUTS, Archived
from zoo.data.layouts._checks import (
    PLAUSIBLE,
    absent_frames,
    band_faults,
    held_by_most,
    implausible,
    label_faults,
    names_in,
    torn_frame,
)
from zoo.data.masks import as_mask, majority
from zoo.data.metadata import read_metadata
from zoo.data.records import (
    BANDS,
    FRAMES,
    LABELLED,
    SIZE,
    SPLITS,
    ExpectedFiles,
    Fault,
    Finding,
    Metadata,
    Record,
    Source,
    Split,
    sorted_records,
)

PIXEL_MASKS = "human_pixel_masks.npy"
INDIVIDUAL_MASKS = "human_individual_masks.npy"


def band_name(band: int) -> str:
    """Name of a band's file."""
    return f"band_{band:02d}.npy"


BAND_FILES = {band_name(band): band for band in BANDS}
FILES = BAND_FILES.keys() | {PIXEL_MASKS, INDIVIDUAL_MASKS}


def bands_in(name: str) -> tuple[int, ...] | None:
    """Bands in a file of this name: one or, in masks, none; None for a file that is none of a record's."""
    if name in BAND_FILES:
        return (BAND_FILES[name],)
    return () if name in FILES else None


@LAYOUTS.register(
    "competition",
    contents="records",
    expects="train/, validation/ or test/ with a folder for each record",
    archived=Archived(
        path=r"(?P<root>(?:.*/)?)(?P<split>train|validation|test)/(?P<id>[^/.][^/]*)/[^/]+\.npy", bands=bands_in
    ),
)
@dataclass(frozen=True)
class CompetitionSource(Source):
    """Directory that holds any of train/, validation/ and test/."""

    @staticmethod
    def recognises(root: Path) -> bool:
        """True if `root` holds a record's folder in any split."""
        return any(_folders(root / split) for split in SPLITS)

    def records(self) -> tuple[Record, ...]:
        found = ((split, name) for split in SPLITS for name in _folders(self.root / split))
        return sorted_records(Record(name, split, self.name) for split, name in found)

    def path(self, record: Record) -> Path:
        return self.root / record.split / record.id

    def mask_path(self, record: Record) -> Path:
        return self.path(record) / PIXEL_MASKS

    def has_mask(self, record: Record) -> bool:
        # A name is enough: a link to nothing is a label that was lost, and reading it says so.
        return record.split != "test" and os.path.lexists(self.mask_path(record))

    def has_labelers(self, record: Record) -> bool:
        return os.path.lexists(self.path(record) / INDIVIDUAL_MASKS)

    def band_path(self, record: Record, band: int) -> Path:
        """File of one band."""
        return self.path(record) / band_name(band)

    def bands(self, record: Record) -> tuple[int, ...]:
        try:
            names = {path.name for path in self.path(record).iterdir()}
        except OSError as error:
            raise FileFault(self.path(record), f"cannot be listed ({error.strerror})") from error
        return tuple(band for band in BANDS if band_name(band) in names)

    def files(self, record: Record, bands: Sequence[int]) -> tuple[Path, ...]:
        return tuple(self.band_path(record, band) for band in bands)

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        held = np.ones(FRAMES, bool)
        for band in bands:
            path = self.band_path(record, band)
            first = read_first(path, FRAMES)
            # If anything is not as it should be, reading the whole file says so in words.
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
                _refuse_frame(plane, frame, path)
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

    def metadata(self) -> Mapping[tuple[Split, str], Metadata]:
        return {(split, name): each for split, (found, _) in self._metadata.items() for name, each in found.items()}

    def faults(self) -> tuple[Fault, ...]:
        links = [self.root / split / name for split in SPLITS for name in _links_to_nothing(self.root / split)]
        lost = [Fault(path.name, path, "is a link to nothing; the record is left out", REPAIR) for path in links]
        return (*lost, *(fault for _, faults in self._metadata.values() for fault in faults))

    @cached_property
    def _metadata(self) -> dict[Split, tuple[dict[str, Metadata], tuple[Fault, ...]]]:
        paths = {split: self.root / f"{split}_metadata.json" for split in SPLITS}
        return {split: read_metadata(path) for split, path in paths.items() if path.exists()}

    def expected_files(self) -> ExpectedFiles:
        """Files that most records hold: bands of the whole source, masks of the record's own split."""
        held = {record: names_in(self.path(record)) & FILES for record in self.records()}
        bands = held_by_most([names & BAND_FILES.keys() for names in held.values()])
        result: dict[Record, frozenset[str]] = {}
        for split in {record.split for record in held}:
            of_split = {record: names - bands for record, names in held.items() if record.split == split}
            masks = frozenset() if split == "test" else held_by_most(of_split.values())
            result |= dict.fromkeys(of_split, bands | masks)
        return {record: result[record] for record in held}

    def check(self, record: Record, expected: frozenset[str]) -> Finding:
        """Check every band and mask of a record."""
        folder, bands = self.path(record), self.bands(record)
        names = names_in(folder) & FILES
        what = "is missing, though most records hold it"
        faults = [Fault(record.id, folder / name, what) for name in expected - names if bands]
        if not bands:
            faults.append(_no_band(record, folder))
        absent: list[tuple[int, int]] = []
        for band in bands:
            path = self.band_path(record, band)
            try:
                values = read_band(path)
            except FileFault as error:
                faults.append(Fault(record.id, path, error.fault))
                continue
            finite = np.isfinite(values)
            lacking = absent_frames(values, finite)
            absent += [(band, frame) for frame in lacking]
            faults += [Fault(record.id, path, what) for what in band_faults(values, finite, lacking)]
        labelled = self.has_mask(record)
        if labelled:
            faults += self._mask_faults(record)
        return Finding(record, len(names), bands, tuple(absent), labelled, tuple(sorted(faults, key=str)))

    def _mask_faults(self, record: Record) -> Iterator[Fault]:
        """Faults of the masks of a record, each alone and compared with one another."""
        try:
            mask, labelers = self.mask(record), self.labelers(record)
        except FileFault as error:
            yield Fault(record.id, error.path, error.fault)
            return
        yield from (Fault(record.id, self.mask_path(record), what) for what in label_faults(mask))
        differ = 0 if labelers is None else int((mask != majority(labelers)).sum())
        if labelers is not None and differ:
            what = f"differs from the majority of {len(labelers)} labelers in {differ} pixels"
            yield Fault(record.id, self.mask_path(record), what, f"fetch it and {INDIVIDUAL_MASKS} again")


def read_band(path: Path) -> NDArray[np.floating[Any]]:
    """Read all frames of a band, kelvin: (256, 256, 8)."""
    values = read_array(path)
    if values.shape != (SIZE, SIZE, FRAMES) or values.dtype.kind != "f":
        expected = f"float32 {(SIZE, SIZE, FRAMES)}"
        raise FileFault(path, f"holds {values.dtype} {values.shape}, not {expected}")
    return values


def _refuse_frame(plane: NDArray[np.float32], frame: int, path: Path) -> None:
    """Raise FileFault for a frame that is partly NaN or has fill values."""
    low, high = plane.min(), plane.max()
    if PLAUSIBLE[0] <= low and high <= PLAUSIBLE[1]:  # never so if there is a NaN
        return
    finite = np.isfinite(plane)
    if finite.all():
        raise FileFault(path, implausible(plane))
    if frame == LABELLED or not np.isnan(plane).all():
        raise FileFault(path, torn_frame(frame, int((~finite).sum())))


def _no_band(record: Record, folder: Path) -> Fault:
    """Fault of a record's folder without a band, such as a split that was unpacked one folder too deep."""
    below = _folders(folder)
    if not below:
        return Fault(record.id, folder, "holds no band", "fetch this record again, or remove it")
    what = f"holds no band but {len(below)} folders, {min(below)} first: records one folder too deep"
    return Fault(record.id, folder, what, f"move them up into {folder.parent}")


def _links_to_nothing(split: Path) -> list[str]:
    """Names in a split that are broken links."""
    names = sorted(names_in(split))
    return [name for name in names if not name.startswith(".") and not (split / name).exists()]


def _folders(split: Path) -> list[str]:
    try:
        with os.scandir(split) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{split}: cannot be listed ({error.strerror})") from error
