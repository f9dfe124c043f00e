"""Coordinate search on the simplex, with the best threshold at every evaluation.

Starts from the better of greedy and equal weights. Each member's share in turn is raised or lowered by a step, which
halves when no change helps. Dice of counts is a step function of the weights, so gradients are of no use.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.blend import COARSE, Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS
from ensemble.weights.greedy import greedy
from ensemble.weights.uniform import uniform

STEPS = (0.2, 0.1, 0.05, 0.025)
PASSES = 4  # over all members at one step


@METHODS.register("search", about="coordinate search on the simplex from the better of uniform and greedy")
def search(training: TrainingSet) -> Blend:
    """Return the weights of highest Dice that the search finds."""
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
    """Return the best of these shares and those with `step` more or less on one member, and its Dice."""
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
