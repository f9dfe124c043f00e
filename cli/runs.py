"""Trained runs in messages: their names, and notes on those that a command works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.options import Settings
from cli.output import say_note
from core.errors import UserError
from zoo.runs import Ref

if TYPE_CHECKING:
    from zoo.runs import RunPlace
    from zoo.runs.run import EndedRun


def full_name(run: RunPlace) -> str:
    """Member with the hash of its recipe, fold and seed."""
    return f"{run.ref} fold {run.name.words}"


def export_command(run: RunPlace) -> str:
    """Command that makes one file of the runs of this recipe and fold."""
    return f"cli zoo export {run.ref} --fold {run.fold} --format onnx --out {run.member}.onnx"


def say_stopped(settings: Settings, runs: Sequence[EndedRun]) -> None:
    """Say which of the complete runs that are used have not been trained to their end."""
    from zoo.runs.run import stopped_at

    for ended in runs:
        if ended.stopped:
            say_note(settings, f"{full_name(ended.run)}: was stopped at {stopped_at(ended)}")


def say_others(settings: Settings, asked: Ref, runs: Sequence[EndedRun]) -> None:
    """Say which recipe was taken, if a member with several was asked for by its plain name."""
    from zoo.runs.find import recipes_by_age

    taken = runs[0].run.ref
    others = [taken.of(recipe) for recipe in recipes_by_age(settings.runs, Ref(taken.member)) if recipe != taken.recipe]
    if others and asked.recipe is None:
        say_note(settings, f"{taken} is the newest that has these folds; others: {', '.join(map(str, others))}")


def lacking_folds(settings: Settings, fold_names: Sequence[str], runs: Sequence[EndedRun]) -> UserError | None:
    """Error that names the folds without any of these runs, all of one recipe; None if all folds have one."""
    from zoo.members import load_member
    from zoo.runs.find import how_to_train

    lacking = [name for name in fold_names if name not in {ended.run.fold for ended in runs}]
    if not lacking:
        return None
    first = runs[0]
    try:
        listed = load_member(first.run.member, settings.members)
    except UserError:
        listed = None
    what = f"{first.run.ref}: no complete run of fold {', '.join(lacking)}"
    return UserError(what, how_to_train(first, lacking, listed))
