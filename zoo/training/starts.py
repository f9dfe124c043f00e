"""Where a run's first weights come from: ImageNet, another member's run, or the stage before.

A run never starts from weights that saw a record which it holds out: only from a run of the same fold of the same
split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from core.errors import UserError
from core.files import sha256_of_file
from zoo.data import Folds
from zoo.members import Recipe
from zoo.training.checkpoints import read_weights
from zoo.training.runs import Run, find_runs, recipe_folders

NORMALISATION = ("mean", "std")  # of the channels: buffers of the segmenter


def pin_start(recipe: Recipe, runs: Path, fold_names: Sequence[str], folds: Folds) -> Recipe:
    """The recipe with `start_from` as MEMBER@HASH: the newest recipe that is trained on all these folds.

    What this recipe itself became is passed over, or the same command would start from its own fruit the next time.
    UserError where there is none, and what to run.
    """
    if not recipe.start_from:
        return recipe
    member, _, wanted = recipe.start_from.partition("@")
    for place in recipe_folders(runs, member, wanted):
        found = [run for run in find_runs(runs, member, place.name) if _usable(run, folds.sha256)]
        found = [run for run in found if _apart_from_start(run.recipe) != _apart_from_start(recipe)]
        if set(fold_names) <= {run.fold for run in found}:
            return replace(recipe, start_from=f"{member}@{place.name}")
    which = fold_names[0] if len(fold_names) == 1 else "all"
    raise UserError(
        f"{recipe.name}: starts from {recipe.start_from}, which has no complete run of fold {', '.join(fold_names)} of "
        f"this split in {runs}; run: cli zoo train {member} --fold {which}"
    )


def start_of(run: Run) -> Path | None:
    """The file of the weights that a run, or a stage of it, starts from; None: the encoder's own."""
    stages = run.stages
    number = stages.index(run)
    if number:
        return stages[number - 1].best
    return _start_run(run).best if run.recipe.start_from else None


def load_start(network: nn.Module, path: Path) -> list[str]:
    """Fill the network with those of the weights that fit it; the names of its own that were not there.

    UserError where the encoder is another one.
    """
    given, own = read_weights(path), network.state_dict()
    # How channels are normalised belongs to the network's own input, whatever its weights have seen.
    given = {key: value for key, value in given.items() if key not in NORMALISATION}
    fits = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    lacking = [key for key in own if key not in fits and key not in NORMALISATION]
    odd = next((key for key in lacking if key.startswith("encoder.")), None)
    if odd:
        raise UserError(f"{path}: these weights are of another encoder or input (first odd name {odd}); choose another")
    network.load_state_dict(fits, strict=False)
    return lacking


def sha256_of_start(run: Run) -> str | None:
    """Names the weights that the run starts from."""
    path = start_of(run)
    return None if path is None else sha256_of_file(path)


def _start_run(run: Run) -> Run:
    member, _, recipe_hash = run.recipe.start_from.partition("@")
    same_fold = [
        found
        for found in find_runs(run.runs, member, recipe_hash)
        if found.fold == run.fold and _usable(found, run.folds_sha256)
    ]
    if not same_fold:
        raise UserError(
            f"{run.recipe.name} fold {run.fold}: starts from {run.recipe.start_from}, which has no complete run of "
            f"this fold; run: cli zoo train {member} --fold {run.fold}"
        )
    return next((found for found in same_fold if found.seed == run.seed), same_fold[0])


def _usable(run: Run, folds_sha256: str) -> bool:
    return run.folds_sha256 == folds_sha256 and run.complete


def _apart_from_start(recipe: Recipe) -> dict[str, Any]:
    return {"name": recipe.name, "starts": bool(recipe.start_from)} | recipe.resolved | {"start_from": ""}
