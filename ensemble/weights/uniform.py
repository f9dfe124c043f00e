"""Equal weights: nothing is fitted, so nothing is overfitted."""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS


@METHODS.register("uniform", fitted=False, about="mean of probabilities")
def uniform(training: TrainingSet) -> Blend:
    """Give every member the same weight."""
    return training.blend(np.ones(training.size))
