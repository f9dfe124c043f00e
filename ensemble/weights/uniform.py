"""Equal weights: nothing is fitted, so nothing is overfitted. Of probabilities, or of logits."""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights.registry import METHODS


@METHODS.register("uniform", fitted=False, about="mean of probabilities")
def uniform(training: TrainingSet) -> Blend:
    """The mean of probabilities."""
    return training.blend(np.ones(training.size))


@METHODS.register("logit-mean", fitted=False, about="mean of logits")
def logit_mean(training: TrainingSet) -> Blend:
    """The mean of logits: one member that is certain counts for more."""
    return training.blend(np.ones(training.size), "logit")
