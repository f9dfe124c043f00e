"""Global Dice from integer counts, and how sure it is.

Dice is 2 TP / (P + T) over all pixels of all records, never a mean of means. Everything here works on counts
per record, (n, 3) int64: true positives, predicted, truth. The interval resamples scene groups, since records
that see the same place at the same time are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REPLICATES = 10_000


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


@dataclass(frozen=True)
class Estimate:
    """A Dice, or a difference of two, with its standard error and 95 % interval."""

    value: float
    error: float
    low: float
    high: float

    @property
    def z(self) -> float:
        """Value over standard error; 0 where the error is 0."""
        return self.value / self.error if self.error else 0.0


def count(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts per record of masks (n, H, W): (n, 3) int64."""
    axes = (1, 2)
    return np.stack([(predicted & truth).sum(axes), predicted.sum(axes), truth.sum(axes)], axis=1).astype(np.int64)


def dice_interval(
    per_record: NDArray[np.int64], groups: Sequence[str], seed: int = 0, replicates: int = REPLICATES
) -> Estimate:
    """Global Dice of counts (n, 3), with a bootstrap over the scene groups."""
    draws = _draw(per_record[None], groups, seed, replicates)[0]
    return _estimate(Counts.of(per_record).dice, draws)


def dice_difference(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    groups: Sequence[str],
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    """Dice of `first` less Dice of `second`, both (n, 3) on the same records: a paired bootstrap."""
    draws = _draw(np.stack([first, second]), groups, seed, replicates)
    return _estimate(Counts.of(first).dice - Counts.of(second).dice, draws[0] - draws[1])


def _draw(systems: NDArray[np.int64], groups: Sequence[str], seed: int, replicates: int) -> NDArray[np.float64]:
    """Dice of every system (s, n, 3) in every replicate: (s, replicates)."""
    _, where = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    size = int(where.max()) + 1 if len(where) else 0
    if not size:
        return np.ones((len(systems), replicates))
    sums = np.zeros((len(systems), size, 3))
    for system, per_group in zip(systems, sums):
        np.add.at(per_group, where, system)
    rng = np.random.default_rng(seed)
    result = np.empty((len(systems), replicates))
    # In blocks: how often each group was drawn is a matrix of replicates x groups.
    step = max(1, 4_000_000 // size)
    for start in range(0, replicates, step):
        stop = min(start + step, replicates)
        drawn = rng.integers(size, size=(stop - start, size)) + size * np.arange(stop - start)[:, None]
        often = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)
        for system, per_group in enumerate(sums):
            tp, predicted, truth = (often @ per_group).T
            total = predicted + truth
            result[system, start:stop] = np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)
    return result


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, float(draws.std()), float(low), float(high))
