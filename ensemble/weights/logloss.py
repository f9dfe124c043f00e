"""Weights of highest likelihood: the members as a mixture, its shares found by expectation maximisation.

Each pixel is explained by one member or another, P(label) = sum of weight * P_member(label); a step sets a
weight to the mean share of the explanation that falls to the member, and never lowers the likelihood. It
looks at the active pixels only: where nobody sees anything there is nothing to tell members apart.
"""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights.registry import METHODS

PIXELS = 200_000
STEPS = 200
CERTAIN = 0.25 / 255  # a map's 0 and 255 are no certainties


@METHODS.register("logloss", fitted=True, about="mixture weights of highest likelihood")
def logloss(training: TrainingSet) -> Blend:
    """Mixture weights of highest likelihood of the labels."""
    values, label = training.pixels(PIXELS)
    if not len(label):
        return training.blend(np.ones(training.size))
    values = np.clip(values, CERTAIN, 1 - CERTAIN)
    likelihood = np.where(label, values, 1 - values)
    shares = np.full(training.size, 1 / training.size)
    for _ in range(STEPS):
        parts = shares[:, None] * likelihood
        last, shares = shares, (parts / parts.sum(axis=0)).mean(axis=1)
        if np.abs(shares - last).max() < 1e-6:
            break
    return training.blend(shares)
