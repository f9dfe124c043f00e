"""Import of predictions that other software made: they become members like any other.

In: folders of maps, one a record. Out: prediction sets, one a fold, and one for the test
records. Everything is read and checked once before anything is written.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import UsageError, UserError
from core.files import sha256_of, sha256_of_file
from core.listener import SILENT, Listener
from core.locks import claim
from core.record_ids import KnownIds
from core.words import counted
from zoo.data import Folds, read_folds, save_folds
from zoo.predictions.format import Provenance, set_folder
from zoo.predictions.map_files import MapFiles, find_map_files, read_map
from zoo.predictions.splits import OOF
from zoo.predictions.writer import PredictionWriter, quantise
from zoo.runs.store import Store


@dataclass(frozen=True)
class Imported:
    """Records imported: of each fold, ids without a map, number of test records."""

    name: str
    recipe: str
    folds: Mapping[str, int]
    missing: tuple[str, ...]
    test: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"folds": dict(self.folds)}


def import_member(
    store: Store,
    name: str,
    oof: Path,
    test: Path | None = None,
    folds: Path | None = None,
    taken: Collection[str] = (),
    listener: Listener = SILENT,
) -> Imported:
    """Import out-of-fold maps, and test maps if there are any, as member `name`.

    Each map is (256, 256), float probabilities or uint8 (probability * 255), in a file that `map_files` finds. The
    recipe's hash is that of the out-of-fold maps and of the folds: the same files again change nothing, other files are
    another recipe.
    taken: names of the zoo's own members. The listener is told of records without a map.
    Raises UserError, by name, for an invalid map, a record without a fold, and folds that differ from
    runs/folds.csv; UsageError for a name that cannot be one.
    """
    if name in taken:
        raise UsageError(f'"{name}" is a member of the zoo; choose another name')
    _check_name(store, name)
    chosen = choose_folds(store, folds)
    files = find_map_files(oof)
    held_out, tested = files.paths, find_map_files(test).paths if test else {}
    _require_folds(files, chosen, oof, store)
    # Each file is read twice: to be checked, then to be written.
    steps = 2 * (len(held_out) + len(tested))
    with claim(store.predictions(name), "is being imported"), listener.task(f"import {name}", steps):
        found = _import(store, name, chosen, held_out, tested, (oof, test), listener)
    if lacking := [str(fold) for fold in range(chosen.count) if str(fold) not in found.folds]:
        listener.warn(f"no map of fold {', '.join(lacking)}: the ensemble is fitted on the records of the other folds")
    if found.missing:
        listener.info(f"no map for {counted(len(found.missing), 'record')} of folds.csv, {found.missing[0]} first")
    return found


def _import(
    store: Store,
    name: str,
    chosen: Folds,
    held_out: Mapping[str, Path],
    tested: Mapping[str, Path],
    folders: tuple[Path, Path | None],
    listener: Listener,
) -> Imported:
    hashes = _check_maps(held_out, folders[0], listener)
    test_hashes = _check_maps(tested, folders[1], listener)
    recipe = sha256_of({"imported": name, "folds": chosen.sha256, "maps": hashes})[:12]
    if not store.folds.exists():
        save_folds(store.folds, chosen)
    made = partial(Provenance, member=name, recipe=recipe, folds_sha256=chosen.sha256)
    counts = {}
    for fold in range(chosen.count):
        mine = {record_id: held_out[record_id] for record_id in chosen.records(fold) if record_id in held_out}
        if mine:
            source = sha256_of({record_id: hashes[record_id] for record_id in mine})
            _write(store, made(split=OOF, fold=str(fold), checkpoint_sha256=source), mine, listener)
            counts[str(fold)] = len(mine)
    if tested:
        _write(store, made(split="test", fold="full", checkpoint_sha256=sha256_of(test_hashes)), tested, listener)
    missing = tuple(sorted(chosen.fold_of.keys() - held_out.keys()))
    return Imported(name, recipe, counts, missing, len(tested))


def choose_folds(store: Store, given: Path | None) -> Folds:
    """Read the store's folds, or those given if it has none; UserError if the two differ."""
    kept = store.folds
    if not kept.exists():
        if given is None:
            raise UserError(f"{kept}: no such file; name the folds of these predictions with --folds FILE")
        return read_folds(given)
    folds = read_folds(kept)
    if given is not None and read_folds(given).sha256 != folds.sha256:
        raise UserError(
            f"{given}: differs from {kept}, which the other members were predicted on; "
            "import into another --runs, or predict on those folds"
        )
    return folds


def _check_name(store: Store, name: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is None:
        raise UsageError(f'"{name}" cannot be a member\'s name; use letters, digits and . _ -')
    if name in store.trained_members():
        raise UsageError(f'"{name}" is a member trained in {store}; choose another name')


def _require_folds(files: MapFiles, folds: Folds, oof: Path, store: Store) -> None:
    """Refuse maps of records without a fold, and those of a model that trained on the record's fold."""
    strangers = [record_id for record_id in files.paths if record_id not in folds.fold_of]
    if strangers and (found := KnownIds.of(folds.fold_of).original(strangers[0])):
        path = files.paths[strangers[0]].name
        raise UserError(f"{oof}: {path} is of record {found[0]}: {found[1][0]}; {found[1][1]}")
    if strangers:
        raise UserError(
            f"{oof}: record {strangers[0]} is in no fold of {store.folds} ({len(strangers)} of "
            f"{len(files.paths)} files are not); name the folds with --folds FILE, or take those files out"
        )
    if other := [record_id for record_id, fold in files.fold.items() if folds.fold_of[record_id] != fold]:
        raise UserError(
            f"{oof}: record {other[0]} lies in fold_{files.fold[other[0]]}, and in fold {folds.fold_of[other[0]]} of "
            f"{store.folds} ({len(other)} of {len(files.fold)} records do); train on the folds of that file"
        )


def _check_maps(files: Mapping[str, Path], folder: Path | None, listener: Listener) -> dict[str, str]:
    """SHA-256 of each file, after a check that it holds a map; masks in place of probabilities are refused."""
    hashes, masks, maps = {}, 0, 0
    for record_id, path in files.items():
        array = read_map(path)
        quantised = quantise(array, str(path))
        # Floats may be 0 and 1; integers that never leave them are masks, and would all be below 1 %. Most maps decide:
        # one that is none of them must not let the others pass.
        highest = 0 if array.dtype.kind == "f" else int(quantised.max())
        masks, maps = masks + (highest == 1), maps + (highest > 1)
        hashes[record_id] = sha256_of_file(path)
        listener.advance()
    if masks > maps:
        raise UserError(f"{folder}: holds uint8 masks of 0 and 1; give probabilities, or uint8 up to 255")
    return hashes


def _write(store: Store, provenance: Provenance, files: Mapping[str, Path], listener: Listener) -> None:
    record_ids: Sequence[str] = list(files)
    with PredictionWriter(set_folder(store, provenance), provenance, record_ids) as writer:
        missing = writer.missing
        listener.advance(len(record_ids) - len(missing))
        for record_id in missing:
            writer.add(record_id, read_map(files[record_id]))
            listener.advance()
