"""Recipes in stages: each changes some keys of the one before it and starts from that one's best weights.

In: the tables of a `[[stages]]` list. Out: one plain Recipe a stage. Stays outside: training them (zoo.training).
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UnknownName, UsageError
from zoo.members.checks import KEYS_LISTED_BY

if TYPE_CHECKING:
    from zoo.members.recipe import Recipe

# Keys and values in the order given; a table that can be hashed.
Table = tuple[tuple[str, Any], ...]
# What stays as it is: the network with its first weights, and what is read of a record.
FIXED = (
    "name",
    "log",
    "tune",
    "given_by",
    "stages",
    "start_from",
    "encoder",
    "weights",
    "weights_sha256",
    "input",
    "frames",
    "target",
)


def stage_recipes(recipe: Recipe) -> tuple[Recipe, ...]:
    """The recipe of each stage, in order; the recipe itself where it has none. UsageError names the stage at fault."""
    if not recipe.stages:
        return (recipe,)
    current, found = replace(recipe, stages=()), []
    for number, table in enumerate(recipe.stages, start=1):
        where = f"{recipe.name}: stage {number}"
        _check_table(recipe, table, where)
        try:
            given = dict(table) | {"start_from": recipe.start_from if number == 1 else ""}
            current = replace(current, given_by=_given_by(recipe, current, table), **given)
        except UsageError as error:
            raise UsageError(f"{where}: {str(error).removeprefix(f'{recipe.name}: ')}") from error
        found.append(current)
    return tuple(found)


def _given_by(recipe: Recipe, current: Recipe, table: Table) -> dict[str, Path | None]:
    """Keys of a stage were given by whoever gave the stages."""
    keys = dict(table)
    older = {key: giver for key, giver in current.given_by.items() if key not in keys}
    return older | dict.fromkeys(keys, recipe.given_by.get("stages"))


def changing_keys(recipe: Recipe) -> tuple[str, ...]:
    """The keys that are not the same in all stages, in the recipe's order."""
    stages = recipe.staged
    named = {key for table in recipe.stages for key, _ in table}
    return tuple(
        f.name for f in fields(recipe) if f.name in named and len({getattr(one, f.name) for one in stages}) > 1
    )


def frozen(value: Any) -> Any:
    """A value of a TOML file, its lists and tables made such as can be hashed: a table becomes a `Table`."""
    if isinstance(value, list | tuple):
        return tuple(frozen(entry) for entry in value)
    if isinstance(value, dict):
        return tuple((key, frozen(entry)) for key, entry in value.items())
    return value


def set_in_stages(recipe: Recipe, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as the recipe's own keys: `stages.2.size` changes one stage, any other key holds in all of them.

    Raises UsageError for a stage that is not there.
    """
    tables = settings.get("stages", recipe.stages)
    if not isinstance(tables, tuple):
        return settings  # refused where a recipe's kinds are checked
    for number, table in enumerate(tables, start=1):
        _check_table(recipe, table, f"{recipe.name}: stage {number}")
    stages = [dict(table) for table in tables]
    plain = {key: value for key, value in settings.items() if not key.startswith("stages")}
    for stage in stages:
        for key in plain:
            stage.pop(key, None)
    named = [(*_stage_and_key(recipe, key, len(stages)), key) for key in settings if key.startswith("stages.")]
    for number, inner, _ in named:  # what the stages behind it inherited stays as it was
        if number < len(stages) and inner not in stages[number]:
            before = [stage[inner] for stage in stages[:number] if inner in stage]
            stages[number][inner] = (before or [plain.get(inner, getattr(recipe, inner, None))])[-1]
    for number, inner, key in named:
        stages[number - 1][inner] = settings[key]
    return plain | {"stages": tuple(tuple(stage.items()) for stage in stages)}


def _stage_and_key(recipe: Recipe, key: str, count: int) -> tuple[int, str]:
    """Of `stages.K.KEY`: K and KEY."""
    if not count:
        raise UsageError(f"{recipe.name}: {key}: has no stages; give {key.rpartition('.')[2]}")
    which, _, inner = key.removeprefix("stages.").partition(".")
    if not (which.isdigit() and 1 <= int(which) <= count and inner):
        raise UsageError(f"{recipe.name}: {key}: give stages.K.KEY, K from 1 to {count}")
    return int(which), inner


def _check_table(recipe: Recipe, table: Any, where: str) -> None:
    if not isinstance(table, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in table):
        raise UsageError(f"{where}: give a table of keys, [[stages]] or {{key = value}}")
    known = [f.name for f in fields(recipe) if f.name not in FIXED]
    for key, _ in table:
        if key in FIXED:
            raise UsageError(f"{where}: {key} is the same in all stages; give it above them")
        if key not in known:
            raise UnknownName("key", str(key), known, where, KEYS_LISTED_BY)
