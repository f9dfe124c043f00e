"""Mixture weights of maximum likelihood, fitted by expectation maximisation.

The model of a pixel is P(label) = sum over members of weight * P_member(label). A step sets each weight to the mean
responsibility of its member and never lowers the likelihood. Only active pixels count: elsewhere all members agree.
"""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS

PIXELS = 200_000
STEPS = 200
EDGE = 0.25 / 255  # keeps the map values 0 and 255 from being certain


@METHODS.register("logloss", about="maximum-likelihood mixture weights")
def logloss(training: TrainingSet) -> Blend:
    """Fit mixture weights on at most `PIXELS` active pixels."""
    values, label = training.pixels(PIXELS)
    if not len(label):
        return training.blend(np.ones(training.size))
    values = np.clip(values, EDGE, 1 - EDGE)
    likelihood = np.where(label, values, 1 - values)
    shares = np.full(training.size, 1 / training.size)
    for _ in range(STEPS):
        parts = shares[:, None] * likelihood
        last, shares = shares, (parts / parts.sum(axis=0)).mean(axis=1)
        if np.abs(shares - last).max() < 1e-6:
            break
    return training.blend(shares)
