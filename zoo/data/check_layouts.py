"""What the files of each layout must be. A further layout brings one line in EXPECTED and one in CHECKS.

In: a source, a record and the files that its like hold. Out: a Finding.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.arrays import REPAIR, FileFault
from zoo.data.ash_colour import BANDS as ASH_BANDS
from zoo.data.ash_colour import AshColourSource
from zoo.data.competition import (
    INDIVIDUAL_MASKS,
    PIXEL_MASKS,
    CompetitionSource,
    band_name,
    read_band,
    torn_frame,
)
from zoo.data.records import BANDS, FRAMES, LABELLED, SIZE, Record, Source

PLAUSIBLE = (150.0, 350.0)  # kelvin: colder than any cloud top, warmer than any desert
FILES = frozenset((*map(band_name, BANDS), PIXEL_MASKS, INDIVIDUAL_MASKS))

Expected = Mapping[Record, frozenset[str]]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file, and what to do about it; no record where it belongs to all."""

    record: str
    path: Path
    what: str
    todo: str = REPAIR

    def __str__(self) -> str:
        name = f"record {self.record}: " if self.record else ""
        return f"{name}{self.path}: {self.what}; {self.todo}"

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"record": self.record, "path": str(self.path), "what": self.what, "todo": self.todo}


@dataclass(frozen=True)
class Finding:
    """What one record holds: files, bands, (band, frame) that are not held; and what is wrong with it."""

    record: Record
    files: int
    bands: tuple[int, ...]
    absent: tuple[tuple[int, int], ...]
    labelled: bool
    faults: tuple[Fault, ...]


def expected_in_competition(source: Source) -> Expected:
    """The files that most records hold: bands of the whole source, masks of the record's own split."""
    held = {record: _names(source.path(record)) & FILES for record in source.records()}
    bands = _most({record: {name for name in names if "band" in name} for record, names in held.items()})
    result: dict[Record, frozenset[str]] = {}
    for split in {record.split for record in held}:
        of_split = {record: names - bands for record, names in held.items() if record.split == split}
        masks = frozenset() if split == "test" else _most(of_split)
        result |= dict.fromkeys(of_split, bands | masks)
    return {record: result[record] for record in held}


def expected_in_ash_colour(source: Source) -> Expected:
    """Each record is one file."""
    return {record: frozenset((source.path(record).name,)) for record in source.records()}


def check_competition(source: CompetitionSource, record: Record, expected: frozenset[str]) -> Finding:
    """Every band and mask of a record."""
    folder = source.path(record)
    names = _names(folder) & FILES
    bands = source.bands(record)
    if not bands:
        none = Fault(record.id, folder, "holds no band", "fetch this record again, or delete the folder")
        return Finding(record, len(names), (), (), False, (none,))
    faults = [Fault(record.id, folder / name, "is missing, though most records hold it") for name in expected - names]
    absent: list[tuple[int, int]] = []
    for band in bands:
        path = folder / band_name(band)
        try:
            values = read_band(path)
        except FileFault as fault:
            faults.append(Fault(record.id, path, fault.fault))
            continue
        finite = np.isfinite(values)
        lacking = absent_frames(values, finite)
        absent += [(band, frame) for frame in lacking]
        faults += [Fault(record.id, path, what) for what in band_faults(values, finite, lacking)]
    labelled = source.has_mask(record)
    if labelled:
        faults += mask_faults(source, record)
    return Finding(record, len(names), bands, tuple(absent), labelled, tuple(sorted(faults, key=str)))


def absent_frames(values: NDArray[Any], finite: NDArray[np.bool_]) -> list[int]:
    """The frames, 1 to 8, of (256, 256, 8) that are wholly NaN; the labelled one is never just absent."""
    if finite.all():
        return []
    empty = np.isnan(values).all((0, 1))
    return [frame for frame in range(1, FRAMES + 1) if empty[frame - 1] and frame != LABELLED]


def band_faults(values: NDArray[Any], finite: NDArray[np.bool_], absent: Sequence[int]) -> Iterator[str]:
    """What is wrong with the kelvins of a band, (256, 256, 8), in frames that are not absent."""
    if values.dtype != np.float32:
        yield f"holds {values.dtype}, not float32"
    if not finite.all():
        for index, held in enumerate(finite.sum((0, 1))):
            if held < SIZE**2 and index + 1 not in absent:
                yield torn_frame(index + 1, SIZE**2 - int(held))
    numbers = values if finite.all() else values[finite]
    if not numbers.size:
        return
    low, high = numbers.min(), numbers.max()
    if low < PLAUSIBLE[0] or high > PLAUSIBLE[1]:
        yield f"holds {low:g} to {high:g} K, plausible are {PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g} K"


def mask_faults(source: CompetitionSource, record: Record) -> Iterator[Fault]:
    """What is wrong with the masks of a record, each alone and with one another."""
    folder = source.path(record)
    try:
        mask, labelers = source.mask(record), source.labelers(record)
    except FileFault as fault:
        yield Fault(record.id, fault.path, fault.fault)
        return
    if labelers is not None and (mask != majority(labelers)).any():
        differ = int((mask != majority(labelers)).sum())
        what = f"differs from the majority of {len(labelers)} labelers in {differ} pixels"
        yield Fault(record.id, folder / PIXEL_MASKS, what, f"fetch it and {INDIVIDUAL_MASKS} again")


def majority(labelers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where more than half of the labelers, (R, H, W), marked a pixel: (H, W)."""
    return 2 * labelers.sum(0) > len(labelers)


def check_ash_colour(source: AshColourSource, record: Record, expected: frozenset[str]) -> Finding:
    """The one file of an ash-colour scene."""
    path = source.path(record)
    try:
        faults = [Fault(record.id, path, what) for what in ash_colour_faults(source.read(record))]
    except FileFault as fault:
        faults = [Fault(record.id, path, fault.fault)]
    absent = tuple((band, frame) for band in ASH_BANDS for frame in range(1, FRAMES + 1) if frame != LABELLED)
    return Finding(record, len(expected), ASH_BANDS, absent, True, tuple(faults))


def ash_colour_faults(values: NDArray[np.float16]) -> Iterator[str]:
    """What is wrong with an ash-colour image and its label, (256, 256, 4)."""
    colours, label = values[..., :3], values[..., 3]
    if colours.min() < 0 or colours.max() > 1:
        yield f"holds colours from {colours.min():g} to {colours.max():g}, allowed are 0 to 1"
    odd = int(((label != 0) & (label != 1)).sum())
    if odd:
        yield f"holds {odd} labels that are neither 0 nor 1"


def _most(held: Mapping[Record, set[str] | frozenset[str]]) -> frozenset[str]:
    often = Counter(name for names in held.values() for name in names)
    return frozenset(name for name, count in often.items() if 2 * count > len(held))


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:
        return frozenset()


EXPECTED: dict[str, Callable[[Source], Expected]] = {
    "competition": expected_in_competition,
    "ash-colour": expected_in_ash_colour,
}
CHECKS: dict[str, Callable[..., Finding]] = {
    "competition": check_competition,
    "ash-colour": check_ash_colour,
}
