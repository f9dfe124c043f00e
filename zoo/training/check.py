"""Refuse what cannot be trained before anything starts: an hour into a line-up is too late to say so."""

from __future__ import annotations

from functools import lru_cache

from zoo.data import Folds, Scenes
from zoo.inputs import require_input
from zoo.losses import recipe_loss
from zoo.members import Recipe
from zoo.models import build
from zoo.targets import require_target
from zoo.training.devices import choose_device
from zoo.training.optimizers import check_optimizer
from zoo.training.runs import Run, run_records


def check_run(run: Run, scenes: Scenes, folds: Folds, device_name: str) -> None:
    """UserError where device, loss, records, input, target, optimizer, encoder or its weights would stop the run."""
    device = choose_device(device_name)
    seen, held = run_records(run, scenes, folds)
    recipe_loss(run.recipe)
    require_input(scenes, [*seen, *held], run.recipe.input, run.recipe.frames)
    require_target(scenes, seen, run.recipe.target)
    if not run.complete:
        check_optimizer(run.recipe, device)
        _check_network(run.recipe)


@lru_cache(maxsize=8)
def _check_network(recipe: Recipe) -> None:
    """Build it once, weights included; folds of one member ask again."""
    build(recipe)
