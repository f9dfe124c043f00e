"""What was trained of a member: by which recipe, for how long. Read from the runs' own small files.

In: a runs folder, a member, a recipe's hash. Out: a `Trained`. Stays outside: torch, weights, predictions.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import read_json
from zoo.members.files import read_recipe
from zoo.members.recipe import Recipe, keys_of
from zoo.recipe_names import meant_recipe, no_recipe


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A recipe, and its runs on folds."""

    recipe: Recipe
    minutes: float  # of all its runs together
    epochs: float  # that one run went through, in all its stages: the mean over the runs
    runs: int


def read_trained(runs: Path, member: str, recipe_hash: str) -> Trained | None:
    """The complete runs of this recipe on folds; None where there are none, as of a member made elsewhere."""
    results = sorted((runs / "members" / member / recipe_hash).glob("fold-[0-9]*/result.json"))
    if not results:
        return None
    seconds, epochs = (sum(_total(path, key) for path in results) for key in ("seconds", "epochs"))
    recipe = read_recipe(results[0].with_name("recipe.toml"), member)
    return Trained(recipe=recipe, minutes=seconds / 60, epochs=epochs / len(results), runs=len(results))


def trained_recipes(runs: Path, member: str) -> dict[str, Path]:
    """The hashes of the recipes of which there are runs, complete or not, each with a file that it is written in."""
    return {path.parents[1].name: path for path in (runs / "members" / member).glob("*/fold-*/recipe.toml")}


def read_trained_recipe(runs: Path, member: str, asked: str) -> tuple[str, Recipe]:
    """The hash that is, or alone begins, as asked, and the recipe that runs of it wrote down, complete or not.

    UserError where there is none, and which there are.
    """
    written = trained_recipes(runs, member)
    meant = meant_recipe(member, asked, written)
    if meant is None:
        raise no_recipe(member, asked, written, runs)
    return meant, read_recipe(written[meant], member)


def changed_keys(recipe: Recipe, listed: Recipe) -> dict[str, Any]:
    """The keys by which a run's recipe is trained otherwise than the listed one, with its own values.

    What a run only looks up is no change: which bytes a file of weights has, which recipe of a member it starts from.
    """
    mine, other = recipe.resolved, listed.resolved
    looked_up = {"weights_sha256"} if not listed.weights_sha256 else set()
    if listed.start_from and recipe.start_from.startswith(f"{listed.start_from}@"):
        looked_up.add("start_from")
    same = looked_up.union(keys_of("speed"))
    return {key: value for key, value in mine.items() if value != other[key] and key not in same}


def _total(path: Path, key: str) -> float:
    """Of a run; all its stages' where it has some."""
    result = read_json(path)
    parts = result.get("stages") or [result]
    try:
        return float(sum(part[key] for part in parts))
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: says no {key}; train the run again") from error
