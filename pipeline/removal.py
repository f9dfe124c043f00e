"""Removal of a member, of one of its recipes or of an ensemble from a runs folder.

In: a Store, a name. Out: a `Removal` that says what goes, and takes it. Stays outside: asking whether it may go.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UnknownName, UsageError, UserError
from core.files import sweep, temporary_folder
from core.locks import claim, lock_of
from ensemble import Ensemble
from zoo.logs import logged_paths
from zoo.predictions.splits import ensemble_named
from zoo.runs import Ref, Store
from zoo.runs.store import REMOVED


@dataclass(frozen=True)
class Removal:
    """Folders and files of a name that are taken out together."""

    store: Store
    name: str
    kind: str  # member | recipe | ensemble
    paths: tuple[Path, ...]
    bytes: int
    used_by: tuple[str, ...]  # ensembles that need what goes

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        paths = [str(path) for path in self.paths]
        return {"name": self.name, "kind": self.kind, "paths": paths, "bytes": self.bytes, "used_by": self.used_by}

    def take(self) -> None:
        """Remove the paths: each goes at once by a rename, so that nothing half removed is left to be used.

        What is in them stays claimed until it is gone. Raises Claimed if anything there is being written.
        """
        with temporary_folder(_trash(self.store)) as away, ExitStack() as claims:
            for path in self.paths:
                claims.callback(_remove_empty, path.parent)  # unless other recipes of the member are there
            for path, doing in self._written():
                claims.enter_context(claim(path, doing))
            try:
                for number, path in enumerate(self.paths):
                    path.rename(away / str(number))
            except OSError as error:
                raise UserError(f"{self.name}: cannot be removed ({error.strerror}); check the permissions") from error

    def _written(self) -> Iterator[tuple[Path, str]]:
        """Paths that a command may be writing there, and what it does; the member first: no run begins from then on."""
        ref, store = Ref.parse(self.name), self.store
        if self.kind == "ensemble":
            yield store.ensemble(self.name), "is being written"
            return
        if store.member(ref.member).exists():
            yield store.member(ref.member), REMOVED
        for recipe in [ref.recipe] if ref.recipe else store.recipes(ref.member):
            folder = store.recipe_folder(ref.of(recipe))
            locks = (path.name.removeprefix(".").removesuffix(".lock") for path in folder.glob(".fold-*.lock"))
            runs = {folder / name for name in locks} | {run.folder for run in store.runs(ref.of(recipe))}
            yield from ((path, "is being trained") for path in sorted(runs))
            yield folder, "is being settled"
        for place in store.sets(member=ref.member):
            if ref.recipe in (None, place.ref.recipe):
                yield place.folder, "is being predicted"
        if self.kind == "member":
            yield from (
                (path, "is being searched") for path in sorted(store.root.glob(f"tuning/{ref.member}/*.sqlite"))
            )


def plan_removal(store: Store, name: str) -> Removal:
    """Find what removing `name`, M, M@HASH or an ensemble, would take; nothing of it is removed yet.

    ensemble+NAME is the ensemble, where a member has its name. UsageError for a name of both kinds, UnknownName for one
    of neither.
    """
    ref = Ref.parse(name)
    _tidy(store, ref.member)
    members = {*store.trained_members(), *store.predicted_members()}
    ensemble = ensemble_named(name, store.ensembles(), members)
    if ensemble:
        folder = store.ensemble(ensemble).parent
        return Removal(store, ensemble, "ensemble", (folder,), _size(folder), ())
    if ref.member not in members:
        raise UnknownName("trained or predicted member, or ensemble", name, {*members, *store.ensembles()}, str(store))
    places = [store.recipe_folder(Ref(ref.member)), store.predictions(ref.member)]
    if ref.recipe is None:
        found = (*places, store.root / "tuning" / ref.member, store.tuned(ref.member))
        kind = "member"
    else:
        known = sorted({path.name for place in places for path in place.glob("*") if path.is_dir()})
        recipe = ref.resolve(known)
        if recipe is None:
            raise UsageError(f"{name}: there is no such recipe; there are: {ref.listed(known)}")
        ref, kind = ref.of(recipe), "recipe"
        found = tuple(place / recipe for place in places)
    paths = (*(path for path in found if path.exists()), *logged_paths(store, ref))
    return Removal(store, str(ref), kind, paths, sum(map(_size, paths)), _used_by(store, ref))


def _trash(store: Store) -> Path:
    return store.root / "removed"


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _tidy(store: Store, member: str) -> None:
    """Remove what a killed removal left: what it had taken out, its locks, empty folders."""
    sweep(_trash(store))
    folder, predictions = store.member(member), store.predictions(member)
    for lock in (lock_of(folder), *folder.glob(".*.lock")):
        if lock.exists():
            with suppress(UserError), claim(lock.with_name(lock.name[1:].removesuffix(".lock"))):
                pass
    for empty in (folder, folder.parent, predictions, predictions.parent):
        _remove_empty(empty)


def _used_by(store: Store, ref: Ref) -> tuple[str, ...]:
    """Ensembles that use the member, or this recipe of it; unreadable ones are left out."""
    using = []
    for name in store.ensembles():
        with suppress(UserError):
            uses = Ensemble.load(store.ensemble(name)).members
            if any(Ref.parse(use.name).member == ref.member and ref.recipe in (None, use.recipe) for use in uses):
                using.append(name)
    return tuple(using)


def _size(path: Path) -> int:
    files = (path,) if path.is_file() else (each for each in path.rglob("*") if each.is_file())
    return sum(each.stat().st_size for each in files)
