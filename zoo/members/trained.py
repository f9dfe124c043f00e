"""What was trained of a member: by which recipe, in how many minutes. Read from the runs' own small files.

In: a runs folder, a member, a recipe's hash. Out: a `Trained`. Stays outside: torch, weights, predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import read_json
from zoo.members.recipe import Recipe, read_recipe


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A recipe, and its runs on folds."""

    recipe: Recipe
    minutes: float  # of all its runs together
    runs: int


def read_trained(runs: Path, member: str, recipe_hash: str) -> Trained | None:
    """The complete runs of this recipe on folds; None where there are none, as of a member made elsewhere."""
    results = sorted((runs / "members" / member / recipe_hash).glob("fold-[0-9]*/result.json"))
    if not results:
        return None
    seconds = [_seconds(path) for path in results]
    recipe = read_recipe(results[0].with_name("recipe.toml"), member)
    return Trained(recipe=recipe, minutes=sum(seconds) / 60, runs=len(results))


def changed_keys(recipe: Recipe, from_recipe: Recipe) -> dict[str, Any]:
    """The keys in which the recipe differs, with its own values."""
    mine, other = recipe.resolved, from_recipe.resolved
    return {key: value for key, value in mine.items() if value != other[key]}


def _seconds(path: Path) -> float:
    """Of a run; all its stages' where it has some."""
    result = read_json(path)
    parts = result.get("stages") or [result]
    try:
        return float(sum(part["seconds"] for part in parts))
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: says no seconds; train the run again") from error
