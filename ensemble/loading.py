"""From prediction sets and masks to active pixels: the records that all members share, a few at a time.

In: `MemberMaps`, where masks come from, folds. Out: what is shared and what is missing (`Shared`), and
`Active`. Memory: one chunk of dense maps at a time, whatever the number of records.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError, UserError
from ensemble.active import EPS, Active, Chunk, find_active
from ensemble.blend import as_uint8
from zoo.data import Folds
from zoo.predictions import MemberMaps
from zoo.predictions.format import SHARD_RECORDS

BASE_BYTES = 0.7e9  # of libraries, compiled code, curves and surfaces
CHUNK_BYTES = 1e7  # of a shard of one member's maps, twice
LOWER_EPS = (10, 4, 1)  # what is tried where thresholds lie below EPS
LOW_RAM = 4.0  # GB that these may take where no --max-ram says otherwise

ReadMask = Callable[[str], NDArray[np.bool_]]


@dataclass(frozen=True)
class Shared:
    """The records that all members predicted, fold by fold, and what keeps other records out."""

    record_ids: tuple[str, ...]
    missing: tuple[str, ...]  # one line each, in words


def shared_records(members: Sequence[MemberMaps], folds: Folds, labelled: Collection[str]) -> Shared:
    """The labelled records of `folds` that every member predicted; UserError where there are none."""
    wanted = sorted(set(folds.fold_of) & set(labelled), key=lambda record: (folds.fold_of[record], record))
    covered = [set(member.record_ids) for member in members]
    shared = tuple(record for record in wanted if all(record in ids for ids in covered))
    missing = [_missing(member, ids, wanted, folds) for member, ids in zip(members, covered)]
    lines = tuple(line for line in missing if line)
    if not shared:
        advice = "; ".join(lines) or "the data hold none of the records of folds.csv"
        raise UserError(f"no labelled record is predicted by all members: {advice}")
    return Shared(shared, lines)


def without_partial(members: Sequence[MemberMaps], folds: Folds) -> tuple[list[MemberMaps], list[str]]:
    """The members that predicted as many folds as any, and what the others lack, one line each."""
    covered = [{folds.fold_of[record] for record in member.record_ids if record in folds.fold_of} for member in members]
    most = max(map(len, covered))
    lines = [
        f"{member.name} predicted {len(own)} of the {most} folds that others did"
        for member, own in zip(members, covered)
        if len(own) < most
    ]
    return [member for member, own in zip(members, covered) if len(own) == most], lines


def _missing(member: MemberMaps, ids: set[str], wanted: Sequence[str], folds: Folds) -> str:
    absent = [record for record in wanted if record not in ids]
    if not absent:
        return ""
    per_fold = dict.fromkeys(range(folds.count), 0)
    for record in absent:
        per_fold[folds.fold_of[record]] += 1
    where = ", ".join(f"{count} of fold {fold}" for fold, count in per_fold.items() if count)
    return f"{member.name} lacks {len(absent)} of {len(wanted)} records ({where})"


def pixels_in(ram: float, members: int) -> int:
    """How many active pixels of so many members fit into `ram` GB; UsageError where it is too little to begin with."""
    base = BASE_BYTES + members * CHUNK_BYTES
    # While they are put together, pixels stand in memory twice: their values, number and label.
    most = int((ram * 1e9 - base) / (2 * (members + 3)))
    if most < 1:
        raise UsageError(f"--max-ram {ram:g}: a fit needs {base / 1e9:.1f} GB before any pixel")
    return most


def lower_eps(active: Active, asked: int) -> int | None:
    """The lower eps to gather from; None where `asked` was the lowest there is, or memory let no more pixels in."""
    return next((eps for eps in LOWER_EPS if eps < asked), None) if active.eps == asked else None


def gather(
    members: Sequence[MemberMaps],
    record_ids: Sequence[str],
    read_mask: ReadMask,
    folds: Folds,
    eps: int = EPS,
    most: int | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> Active:
    """At most `most` active pixels of these records, which stand fold by fold; `advance` is told of records."""
    chunks = _chunks(members, record_ids, read_mask, advance)
    return find_active(chunks, [member.name for member in members], folds.fold_of, eps, most)


def _chunks(
    members: Sequence[MemberMaps],
    record_ids: Sequence[str],
    read_mask: ReadMask,
    advance: Callable[[int], None],
) -> Iterator[Chunk]:
    for start in range(0, len(record_ids), SHARD_RECORDS):
        ids = record_ids[start : start + SHARD_RECORDS]
        maps = np.stack([as_uint8(member.maps(ids)) for member in members])
        yield ids, maps, np.stack([read_mask(record) for record in ids])
        advance(len(ids))
