"""Coordinate search on the simplex, the threshold chosen anew at every evaluation.

From the better of greedy selection and uniform: each member in turn gets more or less of the whole, by
steps that halve when no member's change helps. Dice of counts is a step function of the weights, so no
gradients are asked.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.blend import COARSE, Blend
from ensemble.counts import TrainingSet
from ensemble.weights.greedy import greedy
from ensemble.weights.registry import METHODS
from ensemble.weights.uniform import uniform

STEPS = (0.2, 0.1, 0.05, 0.025)
PASSES = 4  # over all members at one step


@METHODS.register("search", fitted=True, about="coordinate search over weights and threshold")
def search(training: TrainingSet) -> Blend:
    """The highest Dice that the coordinate search reaches."""
    blend = max((uniform(training), greedy(training)), key=training.dice)
    shares = np.array([blend.weights[member] for member in training.members], dtype=np.float64)
    shares /= shares.sum()
    score = training.dice(blend)
    for step in STEPS:
        for _ in range(PASSES):
            before = score
            for member in range(training.size):
                shares, score = _moved(training, shares, score, member, step)
            if score == before:
                break
    return max((blend, training.blend(shares, unit=COARSE)), key=training.dice)


def _moved(
    training: TrainingSet, shares: NDArray[np.float64], score: float, member: int, step: float
) -> tuple[NDArray[np.float64], float]:
    """The better of these shares and those with `step` more or less on one member."""
    for change in (step, -step):
        tried = shares.copy()
        tried[member] = max(0.0, tried[member] + change)
        if tried.sum() <= 0:
            continue
        tried /= tried.sum()
        reached = training.dice(training.blend(tried, unit=COARSE))
        if reached > score:
            shares, score = tried, reached
    return shares, score
