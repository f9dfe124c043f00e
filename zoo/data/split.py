"""Split scenes into folds, grouped by scene and balanced in contrail pixels, contrail scenes and records.

In: scenes. Out: `Folds`. Greedy: the heaviest group first, each where it hurts the balance least. The same
scenes give the same folds, whatever the order of directories; the seed only breaks ties.
"""

import hashlib
from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path

from core.command import Command
from core.errors import UsageError, UserError
from core.listener import SILENT, Listener
from core.locks import locked
from core.words import counted
from zoo.data.folds import Assignment, Folds, read_folds, write_folds
from zoo.data.groups import grouped_by, scene_groups
from zoo.data.parallel import parallel_map
from zoo.data.records import Record
from zoo.data.sources import Scenes
from zoo.data.thumbnails import Looks, looks_needed, read_looks

FOLDS = 5  # where nobody asks for another number
# A fold that is off by one record hurts less than one that is off by a tenth of the contrail pixels.
PIXELS_WEIGHT = 10

Load = tuple[int, ...]  # of a group or a fold: one number for each quantity that is to be balanced


def make_folds(
    scenes: Scenes, k: int = FOLDS, seed: int = 0, jobs: int | None = None, listener: Listener = SILENT
) -> Folds:
    """Split the labelled records of `scenes` into `k` folds, grouped by scene.

    Records of the same place and time, or that look alike where either is unknown, are in the same fold (see
    zoo.data.groups). UsageError for fewer than two folds, UserError if there are fewer groups than folds.
    """
    if k < 2:
        raise UsageError(f"{k} folds: give two or more")
    records = scenes.labelled
    if not records:
        raise UserError(
            f"{scenes.where}: none of {counted(len(scenes.records), 'record')} is labelled", Command("data check")
        )
    scenes.note_unread(listener)
    for fault in scenes.faults[:1]:
        rest = f" (and {counted(len(scenes.faults) - 1, 'other fault')})" if len(scenes.faults) > 1 else ""
        listener.note(f"{fault}{rest}", Command("data check"))
    known = [scenes.metadata(record) for record in records]
    # Frames are read only where a place is missing: with metadata for all, 450 GB stay on the disk.
    compare = not all(map(scenes.is_placed, records))
    held = [scenes.source(record).bands(record) if compare else () for record in records]
    needed = dict(zip(records, looks_needed(held)))

    def read(record: Record) -> tuple[int, Looks]:
        source = scenes.source(record)
        return int(source.mask(record).sum()), read_looks(source, record, needed[record])

    read_all = list(parallel_map(read, records, jobs, listener, "folds"))
    positives, looks = [count for count, _ in read_all], [look for _, look in read_all]
    groups = scene_groups([record.id for record in records], known, looks)
    by = grouped_by(known, looks)
    loads = group_loads(records, groups, positives)
    if len(loads) < k:
        raise UserError(f"{len(loads)} scene groups of labelled records cannot fill {k} folds; ask for fewer")
    fold_of = assign(loads, k, seed)
    return Folds(
        tuple(
            Assignment(record.id, fold_of[group], group, record.source, record.split, count, how)
            for record, group, count, how in zip(records, groups, positives, by)
        )
    )


def find_folds(
    path: Path,
    scenes: Scenes,
    seed: int = 0,
    jobs: int | None = None,
    listener: Listener = SILENT,
    highest: int | None = None,
) -> Folds:
    """Read the folds at `path`, or make new ones if there are none; `keep_folds` writes those.

    A command writes them only once nothing can be refused any more. highest: fold that runs beside `path` are of;
    UserError if there are such runs and no folds, for new folds would be others than theirs.
    """
    if path.exists():
        return read_folds(path)
    if highest is not None:
        what = f"{path}: is missing, and there are runs of {highest + 1} folds; bring it back, or split the same scenes"
        raise UserError(f"{what} again", Command("data folds", folds=max(2, highest + 1)))
    return make_folds(scenes, FOLDS, seed, jobs, listener)


def keep_folds(path: Path, folds: Folds, listener: Listener = SILENT) -> None:
    """Write the folds of `find_folds` and report it, unless the file exists.

    UserError if it exists with another split, written by another command in the meantime.
    """
    if not path.exists():
        with locked(path):
            if not path.exists():
                write_folds(path, folds)
                listener.info(f"{path}: did not exist; made {folds.count} folds grouped by scene")
                return
    if read_folds(path).sha256 != folds.sha256:
        raise UserError(f"{path}: another command has just written other folds; run this command again to use them")


def group_loads(records: Sequence[Record], groups: Sequence[str], positives: Sequence[int]) -> dict[str, Load]:
    """Load of each group: contrail pixels, contrail scenes, records, records of each split and source."""
    strata = sorted({(record.split, record.source) for record in records})
    loads: dict[str, list[int]] = {}
    for record, group, count in zip(records, groups, positives):
        load = loads.setdefault(group, [0] * (3 + len(strata)))
        load[0] += count
        load[1] += count > 0
        load[2] += 1
        load[3 + strata.index((record.split, record.source))] += 1
    return {group: tuple(load) for group, load in loads.items()}


def assign(loads: Mapping[str, Load], k: int, seed: int) -> dict[str, int]:
    """Assign each group to one of `k` folds, so that every quantity is balanced."""
    totals = [max(1, sum(column)) for column in zip(*loads.values())]
    filled = [[0] * len(totals) for _ in range(k)]
    result: dict[str, int] = {}
    for group in sorted(loads, key=lambda name: (*(-part for part in loads[name][:3]), _tie_break(seed, name))):
        load = loads[group]
        growth = [_growth(fold, load, totals) for fold in filled]
        best = growth.index(min(growth))
        result[group] = best
        filled[best] = [old + new for old, new in zip(filled[best], load)]
    return result


def _growth(fold: Sequence[int], load: Load, totals: Sequence[int]) -> float:
    """Growth of the sum of squared shares, less what is the same for every fold."""
    terms = [old * new / total**2 for old, new, total in zip(fold, load, totals)]
    # fsum rounds once, so that the order of the quantities, hence of the sources, cannot tip a near tie.
    return fsum([PIXELS_WEIGHT * terms[0], *terms[1:]])


def _tie_break(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
