"""Removal of a member, of one of its recipes or of an ensemble from a runs folder.

In: a Store, a name. Out: a `Removal` that says what goes, and takes it. Stays outside: asking whether it may go.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UnknownName, UsageError, UserError
from core.files import sweep, temporary_folder
from ensemble import Ensemble
from zoo.logs import logged_paths
from zoo.runs import Ref, Store


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

        Raises Claimed if one of the runs is being trained.
        """
        for run in self._runs():
            with run.claimed():
                pass
        removed = self.store.root / "removed"
        sweep(removed)
        with temporary_folder(removed) as away:
            try:
                for number, path in enumerate(self.paths):
                    path.rename(away / str(number))
                    with suppress(OSError):  # other recipes of the member are there
                        path.parent.rmdir()
            except OSError as error:
                raise UserError(f"{self.name}: cannot be removed ({error.strerror}); check the permissions") from error

    def _runs(self) -> list[Any]:
        ref = Ref.parse(self.name)
        if self.kind == "ensemble":
            return []
        recipes = [ref.recipe] if ref.recipe else self.store.recipes(ref.member)
        return [run for recipe in recipes for run in self.store.runs(ref.of(recipe))]


def plan_removal(store: Store, name: str) -> Removal:
    """Find what removing `name`, M, M@HASH or an ensemble, would take; nothing is removed yet.

    UsageError for a name of both kinds, UnknownName for one of neither.
    """
    ref = Ref.parse(name)
    members = {*store.trained_members(), *store.predicted_members()}
    if name in store.ensembles():
        if name in members:
            raise UsageError(f'"{name}" is a member and an ensemble; M@HASH names the member')
        folder = store.ensemble(name).parent
        return Removal(store, name, "ensemble", (folder,), _size(folder), ())
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
