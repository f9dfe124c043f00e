"""Verification of prediction sets: reads every file and lists the faults.

In: a Store. Out: counts and faults, a line each. An unfinished set of a killed run is not a fault: the next run resumes
it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from core.errors import UserError
from core.files import sha256_of_file
from core.listener import SILENT, Listener
from zoo.data import Folds, read_folds
from zoo.predictions.catalogue import SetFolder, require_in_place, set_folders
from zoo.predictions.members import MemberMaps
from zoo.predictions.reader import PredictionSet
from zoo.predictions.splits import is_held_out
from zoo.runs.names import Ref
from zoo.runs.store import Store


@dataclass(frozen=True)
class VerifiedSets:
    """Counts of what was read, and one line for each fault: what, where, what to do."""

    sets: int
    records: int
    shards: int
    bytes: int
    unfinished: tuple[Path, ...]
    sets_of_other_folds: int  # out of fold, on another split than folds.csv: they do not count until that is back
    runs_of_other_folds: int
    faults: tuple[str, ...]


def verify_sets(store: Store, listener: Listener = SILENT) -> VerifiedSets:
    """Check every prediction set of a store: manifests, shards, counts, checkpoints, folds.

    UserError if there is no such folder.
    """
    if not store.root.is_dir():
        raise UserError(f"{store}: no such directory; name the runs folder with --runs DIR")
    folders = list(set_folders(store))
    folds, faults = _read_folds(store)
    opened = []
    with listener.task("verify", len(folders)):
        for folder in folders:
            if folder.written is not None:
                found, wrong = _check_set(folder, folds)
                faults += wrong
                opened += [found] if found else []
            listener.advance()
    # Runs of one member that cannot be read together.
    for (name, *_), together in groupby(sorted(opened, key=_kind), key=_kind):
        faults += _fault(MemberMaps, name, tuple(together))
    shards = [one.folder / shard.file for one in opened for shard in one.manifest.shards]
    return VerifiedSets(
        sets=len(opened),
        records=sum(len(one.record_ids) for one in opened),
        shards=len(shards),
        bytes=sum(map(_size, shards)),
        sets_of_other_folds=sum(
            folds is not None and is_held_out(one.provenance.split) and one.provenance.folds_sha256 != folds.sha256
            for one in opened
        ),
        runs_of_other_folds=_runs_of_other_folds(store, folds),
        unfinished=tuple(folder.place.folder for folder in folders if folder.written is None),
        faults=tuple(faults),
    )


def _check_set(folder: SetFolder, folds: Folds | None) -> tuple[PredictionSet | None, list[str]]:
    """Set, if its manifest can be read, and its faults."""
    try:
        found = PredictionSet.open(folder.place.folder)
    except UserError as error:
        return None, [str(error)]
    return found, [
        *_fault(require_in_place, folder.place.store, found),
        *_shard_faults(found),
        *_checkpoint_faults(folder, found),
        *_fold_faults(found, folds),
    ]


def _fault(read: Callable[..., object], *of: object) -> list[str]:
    """Error of `read(*of)` as one line; empty without an error."""
    try:
        read(*of)
    except UserError as error:
        return [str(error)]
    return []


def _shard_faults(found: PredictionSet) -> Iterator[str]:
    for shard in found.manifest.shards:
        yield from _fault(found.decode, shard)
    listed = {shard.file for shard in found.manifest.shards}
    for path in sorted(found.folder.glob("shard-*.zst")):
        if path.name not in listed:
            yield f"{path}: is not in the manifest; delete it"


def _checkpoint_faults(folder: SetFolder, found: PredictionSet) -> Iterator[str]:
    """Weights other than those that predicted; they may also have been deleted to save space."""
    made = found.provenance
    weights = folder.place.store.run(made.ref, made.run).best
    if weights.is_file() and sha256_of_file(weights) != made.checkpoint_sha256:
        why = folder.outdated or f"was predicted by other weights than {weights}; predict this set again"
        yield f"{found.folder}: {why}"


def _fold_faults(found: PredictionSet, folds: Folds | None) -> Iterator[str]:
    """Records predicted out of another fold than their own: they were seen in training."""
    made = found.provenance
    if folds is None or not is_held_out(made.split) or made.folds_sha256 != folds.sha256:
        return
    for record_id in found.record_ids:
        if str(folds.fold_of.get(record_id)) != made.fold:
            what = f"record {record_id} is not of fold {made.fold} in folds.csv"
            yield f"{found.folder}: {what}; train this fold again"
            return


def _runs_of_other_folds(store: Store, folds: Folds | None) -> int:
    """Number of ended runs on another split than folds.csv; 0 if there is no folds.csv to compare with."""
    recipes = [Ref(member, recipe) for member in store.trained_members() for recipe in store.recipes(member)]
    count = 0
    for place in (run for ref in recipes for run in store.runs(ref)):
        with suppress(UserError):  # absent or damaged: no end that could count
            count += folds is not None and place.read_result().get("folds_sha256") not in (None, folds.sha256)
    return count


def _size(path: Path) -> int:
    with suppress(OSError):  # its absence is a fault already, unless another command has just removed it
        return path.stat().st_size
    return 0


def _kind(found: PredictionSet) -> tuple[str, str, str]:
    made = found.provenance
    return str(made.ref), made.split, made.tta


def _read_folds(store: Store) -> tuple[Folds | None, list[str]]:
    if not store.folds.exists() and store.highest_fold() is None:
        return None, []
    try:
        return read_folds(store.folds), []
    except UserError as error:
        return None, [str(error)]
