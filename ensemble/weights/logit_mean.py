"""Equal weights of logits: a member that is certain counts for more than in a mean of probabilities."""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS


@METHODS.register("logit-mean", fitted=False, about="mean of logits")
def logit_mean(training: TrainingSet) -> Blend:
    """Give every member's logit the same weight."""
    return training.blend(np.ones(training.size), "logit")
