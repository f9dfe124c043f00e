"""Loading of members' out-of-fold predictions and masks from a runs folder.

In: `MemberMaps`, a reader of masks, folds. Out: the records that all members predicted, as `OutOfFold`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from ensemble.blend import as_uint8
from ensemble.out_of_fold import OutOfFold
from zoo.data import Folds
from zoo.predictions import MemberMaps
from zoo.predictions.format import SHARD_RECORDS

ReadMask = Callable[[str], NDArray[np.bool_]]


def out_of_fold(
    members: Sequence[MemberMaps], record_ids: Sequence[str], read_mask: ReadMask, folds: Folds
) -> OutOfFold:
    """Join members' prediction sets with the masks of these records, which are in the order of their folds.

    read_mask: id -> (H, W) bool; called once a record, since pixels are read again at lower values
    """

    @cache
    def packed(record: str) -> tuple[tuple[int, ...], NDArray[np.uint8]]:
        mask = read_mask(record)
        return mask.shape, np.packbits(mask)

    def unpacked(record: str) -> NDArray[np.bool_]:
        shape, bits = packed(record)
        return np.unpackbits(bits, count=int(np.prod(shape))).view(bool).reshape(shape)

    return OutOfFold(
        members=tuple(member.name for member in members),
        record_ids=tuple(record_ids),
        fold_of=folds.fold_of,
        group_of=folds.group_of,
        read_maps=lambda ids: np.stack(
            [as_uint8(member.maps(ids), f"maps of {member.name}", ids) for member in members]
        ),
        read_masks=lambda ids: np.stack([unpacked(record) for record in ids]),
        chunk=SHARD_RECORDS,
    )


@dataclass(frozen=True)
class Shared:
    """Records that all members predicted, fold by fold, and a line on each member that lacks some."""

    record_ids: tuple[str, ...]
    missing: tuple[str, ...]


def shared_records(members: Sequence[MemberMaps], folds: Folds, labelled: Collection[str]) -> Shared:
    """Find the labelled records of `folds` that every member predicted; UserError if there are none."""
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
    """Split off the members that predicted fewer folds than others; a line on each of them."""
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
