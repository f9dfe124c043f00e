"""How trained runs are named to the user, and what is said of those that a command works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.options import Settings
from cli.output import say_note
from core.errors import UserError

if TYPE_CHECKING:
    from zoo.training import Run


def fold_words(fold: str, seed: int | None) -> str:
    """A run's fold, and its seed where that is none of the first."""
    return fold + (f" seed {seed}" if seed else "")


def label(run: Run) -> str:
    """Member, fold and seed."""
    return f"{run.recipe.name} fold {fold_words(run.fold, run.seed)}"


def full_name(run: Run) -> str:
    """The same with the hash of its recipe."""
    return f"{run.recipe.name}@{run.hash} fold {fold_words(run.fold, run.seed)}"


def export_command(run: Run) -> str:
    """What makes one file of the runs of its recipe and fold."""
    name = run.recipe.name
    return f"cli zoo export {name}@{run.hash} --fold {run.fold} --format onnx --out {name}.onnx"


def stopped_at(run: Run) -> str:
    """Where the run's stop file ended it."""
    result, recipes = run.read_result(), run.recipe.staged
    stages = result.get("stages") or [result]
    stage = f"stage {len(stages)} of {len(recipes)}, " if run.recipe.stages else ""
    return f"{stage}epoch {stages[-1]['epochs']} of {recipes[len(stages) - 1].epochs}"


def say_stopped(settings: Settings, runs: Sequence[Run]) -> None:
    """Which of the complete runs that are used have not been trained to their end."""
    for run in runs:
        if run.stopped:
            say_note(settings, f"{full_name(run)}: was stopped at {stopped_at(run)}")


def say_others(settings: Settings, asked: str, runs: Sequence[Run]) -> None:
    """Where a member was asked for by its plain name: which of its recipes was taken, if there are several."""
    from zoo.training import recipe_folders

    member, taken = runs[0].recipe.name, runs[0].hash
    others = [place.name for place in recipe_folders(settings.runs, member) if place.name != taken]
    if others and "@" not in asked:
        named = ", ".join(f"{member}@{other}" for other in others)
        say_note(settings, f"{member}@{taken} is the newest that has these folds; others: {named}")


def lacking_folds(settings: Settings, fold_names: Sequence[str], runs: Sequence[Run]) -> str | None:
    """Which folds have none of these runs, all of one recipe, and what trains them by it; None where all have."""
    from zoo.members import load_member
    from zoo.training import how_to_train

    lacking = [name for name in fold_names if name not in {run.fold for run in runs}]
    if not lacking:
        return None
    first = runs[0]
    try:
        listed = load_member(first.recipe.name, settings.members)
    except UserError:
        listed = None
    how = how_to_train(first, lacking, listed)
    return f"{first.recipe.name}@{first.hash}: no complete run of fold {', '.join(lacking)}; {how}"
