"""How sure a paired gain is, without drawing: the delta method over scene groups.

A fit asks this dozens of times, to decide what has earned its place; the intervals that a report shows are
drawn by `core.dice`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts


@dataclass(frozen=True)
class Gain:
    """A difference of two Dice on the same records and its standard error."""

    value: float
    error: float

    @property
    def z(self) -> float:
        """Value over standard error; 0 where the two agree on every group."""
        return self.value / self.error if self.error else 0.0


def paired_gain(first: NDArray[np.int64], second: NDArray[np.int64], groups: NDArray[np.int64]) -> Gain:
    """Dice of `first` less Dice of `second`, counts (n, 3) of the same records; groups (n,) int64."""
    pull = _influence(first) - _influence(second)
    per_group = np.bincount(groups, weights=pull)
    size = len(np.unique(groups))
    # The influences of all groups sum to 0, so their square sum is their variance times their number.
    spread = float((per_group**2).sum()) * size / max(1, size - 1)
    return Gain(Counts.of(first).dice - Counts.of(second).dice, float(np.sqrt(spread)))


def _influence(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """By how much each record pulls the Dice of all: (n,), sum 0."""
    whole = Counts.of(counts)
    total = whole.predicted + whole.truth
    if not total:
        return np.zeros(len(counts))
    return (2 * counts[:, 0] - whole.dice * (counts[:, 1] + counts[:, 2])) / total


def standard_error(counts: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    """Standard error of the Dice of counts (n, 3), by the delta method over groups (n,)."""
    return paired_gain(counts, np.zeros_like(counts), groups).error
