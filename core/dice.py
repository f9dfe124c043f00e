"""Global Dice from integer counts.

Dice is 2 TP / (P + T) over all pixels of all records, never a mean of means. Everything here works on counts
per record, (n, 3) int64: true positives, predicted, truth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Counts:
    """Pixels over all records: true positives, predicted, truth."""

    tp: int
    predicted: int
    truth: int

    @property
    def dice(self) -> float:
        """Global Dice; 1.0 if truth and prediction are both empty."""
        total = self.predicted + self.truth
        return 2 * self.tp / total if total else 1.0

    @classmethod
    def of(cls, per_record: NDArray[np.int64]) -> "Counts":
        """Sum counts per record, (n, 3)."""
        return cls(*(int(value) for value in per_record.sum(axis=0)))

    def as_dict(self) -> dict[str, int]:
        """Document for JSON."""
        return {"tp": self.tp, "predicted": self.predicted, "truth": self.truth}


def count(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts per record of masks (n, H, W): (n, 3) int64."""
    axes = (1, 2)
    return np.stack([(predicted & truth).sum(axes), predicted.sum(axes), truth.sum(axes)], axis=1).astype(np.int64)


def global_dice(tp: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Dice of counts of any shape: true positives, and predicted + truth; 1.0 if both are empty.

    >>> global_dice(np.array([3, 0]), np.array([10, 0])).tolist()
    [0.6, 1.0]
    """
    return np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)
