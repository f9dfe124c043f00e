"""Global Dice from integer counts.

Dice is 2 TP / (P + T) over all pixels of all records, never a mean of means. Everything here works on counts
per record, (n, 3) int64: true positives, predicted, truth.
"""

from __future__ import annotations

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
        """Global Dice; 1.0 where nothing was to be found and nothing was predicted."""
        total = self.predicted + self.truth
        return 2 * self.tp / total if total else 1.0

    @classmethod
    def of(cls, per_record: NDArray[np.int64]) -> Counts:
        """Sum counts per record, (n, 3)."""
        return cls(*(int(value) for value in per_record.sum(axis=0)))

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return {"tp": self.tp, "predicted": self.predicted, "truth": self.truth}


def count(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts per record of masks (n, H, W): (n, 3) int64."""
    axes = (1, 2)
    return np.stack([(predicted & truth).sum(axes), predicted.sum(axes), truth.sum(axes)], axis=1).astype(np.int64)
