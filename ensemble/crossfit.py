"""Cross-fitting: score a way of choosing on records that the choice did not see.

For each fold, choose without it and count on it; the counts of all folds are pooled into one Dice. The choosing
function gets a `TrainingSet` without the fold, so everything that it fits or decides is refitted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts
from ensemble.counts import Choice, TrainingSet

Choose = Callable[[TrainingSet], Choice]


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Choices made without each fold, and the counts on it: (n, 3) int64 of all folds in order."""

    folds: tuple[int, ...]
    choices: tuple[Choice, ...]
    counts: NDArray[np.int64]

    @property
    def dice(self) -> float:
        """Dice of the pooled counts."""
        return Counts.of(self.counts).dice


def cross_fit(training: TrainingSet, choose: Choose) -> CrossFit:
    """Choose without each fold of `training` in turn and count on it; ValueError for fewer than two folds."""
    if len(training.folds) < 2:
        raise ValueError("cross-fitting needs two folds")
    choices = tuple(choose(training.without(fold)) for fold in training.folds)
    parts: Sequence[NDArray[np.int64]] = [
        training.counts.records(choice, [fold]) for fold, choice in zip(training.folds, choices)
    ]
    return CrossFit(training.folds, choices, np.concatenate(parts))
