"""The best single member: what any ensemble has to beat."""

import numpy as np

from ensemble.blend import Blend
from ensemble.counts import TrainingSet
from ensemble.weights.registry import METHODS


@METHODS.register("best", fitted=True, about="the best single member")
def best(training: TrainingSet) -> Blend:
    """All weight on the member of highest Dice; of equal ones the first."""
    singles = [training.blend(row) for row in np.eye(training.size)]
    scores = [training.dice(blend) for blend in singles]
    return singles[int(np.argmax(scores))]
