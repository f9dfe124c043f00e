"""Member files: a recipe read from its TOML file and the files that it inherits from.

In: a name or a path. Out: a Recipe. An error in a file is that file's fault (UserError), one in the call is the call's
(UsageError).
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from core.command import Command
from core.errors import Damaged, UnknownName, UsageError, UserError
from core.files import parse_toml, read_text
from core.signing import check_text
from zoo.members.keys import KEYS_LISTED_BY
from zoo.members.recipe import KEYS, NAMED_WEIGHTS, Logged, Recipe
from zoo.members.settings import merge_settings, unpinned, with_settings
from zoo.members.space import parse_space
from zoo.members.toml import frozen
from zoo.runs.store import RunPlace

SHIPPED = Path(__file__).parent
MOST_HEIRS = 16  # files that inherit from one another


def member_names(folder: Path | None = None) -> list[str]:
    """Names of the shipped members and of those in the user's own folder, sorted.

    >>> "lite0-fc-t5" in member_names()
    True
    """
    return sorted({path.stem for place in _places(folder) for path in place.glob("*.toml") if path.is_file()})


def is_path(name: str) -> bool:
    """True if `name` looks like the path of a file, whatever lies in the working directory."""
    return name.endswith(".toml") or os.sep in name


def own_instead_of_shipped(folder: Path | None) -> list[Path]:
    """Files of the user's folder that replace a shipped member, by having its name."""
    own = (path for path in folder.glob("*.toml") if path.is_file()) if folder else ()
    return sorted(path for path in own if (SHIPPED / path.name).is_file())


def load_member(name: str, folder: Path | None = None) -> Recipe:
    """Load a member by name or by the path of a TOML file; UsageError if there is none, UserError for a bad file."""
    return _load(name, folder, ())


def load_members(
    members: str | Recipe | Iterable[str | Recipe],
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Recipe]:
    """Load members by name or path, with settings changed in all of them; a Recipe is taken as it is.

    folder: members of the user. options: as `merge_settings` takes them, such as epochs=3.
    Raises as `load_member`, `merge_settings` and `with_settings` do.
    """
    changes = merge_settings(settings or {}, **options)
    several = [members] if isinstance(members, str | Recipe) else members
    recipes = [one if isinstance(one, Recipe) else load_member(one, folder) for one in several]
    return [with_settings(recipe, changes) if changes else recipe for recipe in recipes]


def read_recipe(path: Path, name: str) -> Recipe:
    """Read the recipe.toml of a run of member `name`; paths in it are taken as they stand."""
    with _fault_of(path, name):
        document = _read(path)
        _refuse_unknown(document, KEYS, path)
        if "encoder" not in document:
            raise Damaged(f"{path}: names no encoder; run again the command that trained it")
        return Recipe(name=name, **_values(document))


def _load(name: str, folder: Path | None, heirs: tuple[Path, ...]) -> Recipe:
    """Load a member that `heirs` inherit from, the last one directly; a file may have the name of its own base.

    The folder of the last heir is searched last, so that no file there takes a shipped member's place.
    """
    if len(heirs) > MOST_HEIRS:
        raise UsageError(f'base = "{name}": more than {MOST_HEIRS} files inherit from one another; join some of them')
    places = [*_places(folder), *(heir.parent for heir in heirs[-1:])]
    files = [Path(name)] if name.endswith(".toml") else [place / f"{name}.toml" for place in places]
    try:
        there = [path for path in files if path.is_file()]
    except OSError as error:
        raise UsageError(
            f'base = "{name[:40]}...": cannot be looked for ({error.strerror}); give another name'
        ) from error
    for path in there:
        if path.resolve() not in heirs:
            with _fault_of(path, _name_of(path)):
                return _parse(path, folder, heirs)
    if there:
        raise UsageError(f'base = "{name}": inherits from itself; give another `base`')
    if is_path(name) and Path(name).is_dir():
        raise UsageError(f"{name}: is a folder; a member's file is a .toml")
    if is_path(name):
        what = "is no member's file" if Path(name).is_file() else "no such member file"
        raise UsageError(f"{name}: {what}{'' if name.endswith('.toml') else '; give a .toml'}")
    raise UnknownName("member", name, member_names(folder), listed_by=Command("zoo list"))


@contextmanager
def fault_of(recipe: Recipe, *keys: str) -> Iterator[None]:
    """Turn a UsageError about these keys into the fault of the file that gave them, unless the call gave one of them.

    Of several files the last heir is named.
    """
    try:
        yield
    except UsageError as error:
        givers = [path for key, path in recipe.given_by.items() if key in keys]
        if not givers or None in givers:
            raise
        raise UserError(f"{givers[-1]}: {str(error).removeprefix(f'{recipe.name}: ')}") from error


def _places(folder: Path | None) -> Sequence[Path]:
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of members; fix `members` in the configuration")
    return (SHIPPED,) if folder is None else (folder, SHIPPED)


def _parse(path: Path, folder: Path | None, heirs: tuple[Path, ...]) -> Recipe:
    document = _read(path)
    base, log, tune = document.pop("base", None), document.pop("log", {}), document.pop("tune", None)
    if not isinstance(log, dict) or not isinstance(base, str | None) or not isinstance(tune, dict | None):
        raise UserError(f"{path}: `base` is the name of a member, `[log]` a table, `[tune]` a table")
    _refuse_unknown(document, [*KEYS, "base", "log", "tune"], path)
    _refuse_unknown({f"log.{key}": None for key in log}, [f"log.{f.name}" for f in fields(Logged)], path)
    given = {"name": _name_of(path), "log": Logged(**_values(log)), **unpinned(_values(document))}
    if "weights" in given:
        given["weights"] = _placed(given["weights"], path.parent)
    if tune is not None:
        if isinstance(tune.get("weights"), list):
            tune["weights"] = [_placed(one, path.parent) for one in tune["weights"]]
        given["tune"] = parse_space(tune, KEYS, str(path))
    if base is not None:
        where = str(path.parent / base) if base.endswith(".toml") else base
        inherited = _load(where, folder, (*heirs, path.resolve()))
        older = {key: file for key, file in inherited.given_by.items() if key not in document}
        recipe = replace(inherited, given_by={**older, **dict.fromkeys(document, path)}, **given)
    elif "encoder" in document:
        recipe = Recipe(given_by=dict.fromkeys(document, path), **given)
    else:
        raise UserError(f"{path}: names neither `encoder` nor `base`; a member needs one of them")
    if len(recipe.log.stages) > len(recipe.stages):
        scores, stages = len(recipe.log.stages), len(recipe.stages)
        raise UserError(f"{path}: [log] stages holds {scores} scores and the member {stages} stages; give no more")
    return recipe


def _name_of(path: Path) -> str:
    """Name of the member in a file: the file's own, or that of the run whose recipe.toml it is."""
    return RunPlace.member_of(path) or path.absolute().stem


def _placed(weights: Any, folder: Path) -> Any:
    """Weights as a file in `folder` gives them: a relative path starts there."""
    if weights in NAMED_WEIGHTS or not isinstance(weights, str):
        return weights
    return str((folder / weights).absolute())


@contextmanager
def _fault_of(path: Path, name: str) -> Iterator[None]:
    """Turn a UsageError into a fault of this file."""
    try:
        yield
    except UsageError as error:
        reason = str(error).removeprefix(f"{path}: ").removeprefix(f"{name}: ")
        raise UserError(f"{path}: {reason}") from error


def _read(path: Path) -> dict[str, Any]:
    return parse_toml(check_text(read_text(path), path), path)


def _refuse_unknown(given: Mapping[str, Any], known: Collection[str], path: Path) -> None:
    for key in given:
        if key not in known:
            raise UnknownName("key", key, known, listed_by=KEYS_LISTED_BY)


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: frozen(value) for key, value in document.items()}
