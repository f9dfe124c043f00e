"""Greedy selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models").

Starts from nothing, adds in each round the member whose addition gives the highest Dice at its own best
threshold, and answers with the best mixture seen on the way. Weights are counts: coarse, hard to overfit.
"""

import numpy as np

from ensemble.blend import COARSE, Blend
from ensemble.counts import TrainingSet
from ensemble.weights.registry import METHODS

ROUNDS = 20
PATIENCE = 5  # rounds without a better mixture after which the search ends


@METHODS.register("greedy", fitted=True, about="greedy selection with replacement")
def greedy(training: TrainingSet) -> Blend:
    """The best of the mixtures that `ROUNDS` greedy additions pass through."""
    taken = np.zeros(training.size)
    passed: list[tuple[float, Blend]] = []
    for _ in range(ROUNDS):
        options = [training.blend(taken + row, unit=COARSE) for row in np.eye(training.size)]
        scores = [training.dice(blend) for blend in options]
        chosen = int(np.argmax(scores))
        taken[chosen] += 1
        passed.append((scores[chosen], options[chosen]))
        # max() keeps the first of equal ones: the smallest mixture.
        best = max(range(len(passed)), key=lambda number: passed[number][0])
        if len(passed) - 1 - best >= PATIENCE or training.size == 1:
            break
    return passed[best][1]
