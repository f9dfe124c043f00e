"""Greedy selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries of models").

Each round adds the member whose addition gives the highest Dice at its own best threshold; the result is the best
mixture of all rounds. Weights are multiples of 1/rounds: coarse, hard to overfit.
"""

import numpy as np

from ensemble.blend import COARSE, Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS

ROUNDS = 20
PATIENCE = 5  # rounds without a better mixture after which the search ends


@METHODS.register("greedy", about="greedy selection with replacement (Caruana 2004)")
def greedy(training: TrainingSet) -> Blend:
    """Return the best of the mixtures that `ROUNDS` greedy additions pass through."""
    taken = np.zeros(training.size)
    passed: list[tuple[float, Blend]] = []
    for _ in range(ROUNDS):
        options = [training.blend(taken + row, unit=COARSE) for row in np.eye(training.size)]
        scores = [training.dice(blend) for blend in options]
        chosen = int(np.argmax(scores))
        taken[chosen] += 1
        passed.append((scores[chosen], options[chosen]))
        # max() keeps the first of several that tie: the smallest mixture.
        best = max(range(len(passed)), key=lambda number: passed[number][0])
        if len(passed) - 1 - best >= PATIENCE or training.size == 1:
            break
    return passed[best][1]
