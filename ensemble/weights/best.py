"""The best single member: the baseline of every ensemble."""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS


@METHODS.register("best", about="the best single member")
def best(training: TrainingSet) -> Blend:
    """Give all weight to the member of highest Dice; the first of several that tie."""
    singles = [training.blend(row) for row in np.eye(training.size)]
    scores = [training.dice(blend) for blend in singles]
    return singles[int(np.argmax(scores))]
