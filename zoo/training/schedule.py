"""The learning rate as a function of the step alone.

torch's schedulers keep a state of their own; here a resumed run, one of other epochs, or one that a library's update
has changed cannot have a rate that is off by a step. Their closed forms are the same, which the tests check.
"""

from bisect import bisect_right
from math import cos, pi

from zoo.members import Recipe

# torch's OneCycleLR: it starts at lr / 25 and ends at a 10,000th of that.
START, END = 1 / 25, 1 / 25e4


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of `step` (from 0) of `steps`: a rise over `warmup` of them, then as `schedule` says.

    constant; cosine: a half wave down to min_lr; one_cycle (arXiv 1708.07120): half waves from lr / 25 up to lr and
    down to nothing; step: times gamma after each of the milestones. The rise is linear but for one_cycle.
    """
    if recipe.schedule == "one_cycle":
        return _one_cycle(recipe, step, steps)
    warm = round(recipe.warmup * steps)
    if step < warm:
        return recipe.lr * (step + 1) / warm
    if recipe.schedule == "cosine":
        return _half_wave(recipe.lr, recipe.min_lr, (step - warm) / max(1, steps - warm))
    if recipe.schedule == "step":
        passed = bisect_right([round(share * steps) for share in recipe.milestones], step)
        return recipe.lr * recipe.gamma**passed
    return recipe.lr


def _one_cycle(recipe: Recipe, step: int, steps: int) -> float:
    peak, last = recipe.warmup * steps - 1, steps - 1
    if step <= peak:
        # A rise of a single step is at its top at once.
        return _half_wave(recipe.lr * START, recipe.lr, step / peak if peak else 1.0)
    return _half_wave(recipe.lr, recipe.lr * END, (step - max(peak, 0)) / max(1.0, last - max(peak, 0)))


def _half_wave(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1 + cos(pi * share))


def lower_rate(recipe: Recipe) -> str:
    """What to type for about a third of the recipe's rate."""
    return f"--set lr={float(f'{recipe.lr / 3:.1g}'):g}"
