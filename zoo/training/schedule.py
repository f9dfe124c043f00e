"""The learning rate as a function of the step alone, so that a resumed run has the right one."""

from __future__ import annotations

from math import cos, pi

from zoo.members import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of `step` (from 0) of `steps`: linear warm-up, then constant or a half cosine to zero."""
    warm = round(recipe.warmup * steps)
    if step < warm:
        return recipe.lr * (step + 1) / warm
    if recipe.schedule == "constant":
        return recipe.lr
    return recipe.lr * 0.5 * (1 + cos(pi * (step - warm) / max(1, steps - warm)))
