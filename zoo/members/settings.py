"""Changes of a recipe by the command line: `key=value`, and `stages.K.KEY=value` for one stage.

In: a Recipe, keys and values. Out: another Recipe. What does not fit is the call's fault (UsageError).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.errors import UnknownName, UsageError
from zoo.members.keys import KEYS_LISTED_BY
from zoo.members.recipe import KEYS, Recipe, check_stage
from zoo.members.toml import frozen, toml_text

PSEUDO = {"pseudo", "pseudo_tta", "pseudo_frames", "pseudo_unlabelled", "distill"}  # keys that name pseudo-labels
OPTIONS = {"start_from": "--from"}  # options whose name is not that of the key they change


def parse_setting(text: str) -> tuple[str, Any]:
    """Key and value of `key=value` with a TOML value; a bare word is a string."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f'--set "{text}": give key=value')
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def merge_settings(settings: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Settings together with options that change a key of their own; an option that is None changes nothing.

    UsageError if an option and a setting give different values.

    >>> merge_settings({"lr": 0.01}, epochs=3, start_from=None)
    {'lr': 0.01, 'epochs': 3}
    """
    merged = dict(settings)
    for key, value in options.items():
        if value is not None and merged.setdefault(key, value) != value:
            option = OPTIONS.get(key, f"--{key}")
            raise UsageError(f"{option} {value} and --set {key}={merged[key]} differ; give one of them")
    return merged


def setting_text(key: str, value: Any) -> str:
    """`key=value` as `parse_setting` reads it."""
    return f"{key}={value if isinstance(value, str) else toml_text(value)}"


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Recipe with these keys changed, in every stage; `stages.K.KEY` changes one stage alone.

    Raises UnknownName for an unknown key, with its nearest; UsageError for a stage that is not there or a value that
    does not fit.
    """
    for key in settings:
        if key not in KEYS and not key.startswith("stages."):
            raise UnknownName("key", key, KEYS, recipe.name, KEYS_LISTED_BY)
    given = dict.fromkeys(key.partition(".")[0] for key in settings)
    changed = _in_stages(recipe, unpinned({key: frozen(value) for key, value in settings.items()}))
    return replace(recipe, given_by={**recipe.given_by, **given}, **changed)


def unpinned(given: dict[str, Any]) -> dict[str, Any]:
    """Keys as given, without the hash of the weights, or of pseudo-labels, if the keys name others."""
    if given.keys() & {"weights", "encoder"}:
        given = {"weights_sha256": "", **given}
    if given.keys() & PSEUDO:
        given = {"pseudo_sha256": "", **given}
    return given


def _in_stages(recipe: Recipe, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as the recipe's own keys: `stages.2.size` changes one stage, any other key holds in all of them."""
    tables = settings.get("stages", recipe.stages)
    if not isinstance(tables, tuple):
        return settings  # refused where a recipe's kinds are checked
    for number, table in enumerate(tables, start=1):
        check_stage(recipe, table, f"{recipe.name}: stage {number}")
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
    """K and KEY of `stages.K.KEY`; UsageError for a stage that is not there."""
    if not count:
        raise UsageError(f"{recipe.name}: {key}: has no stages; give {key.rpartition('.')[2]}")
    which, _, inner = key.removeprefix("stages.").partition(".")
    if not (which.isdigit() and 1 <= int(which) <= count and inner):
        raise UsageError(f"{recipe.name}: {key}: give stages.K.KEY, K from 1 to {count}")
    return int(which), inner
