"""Uncertainty of a Dice or a paired difference: bootstrap over scene groups, and the delta method.

In: counts per record, (n, 3), and the scene group of each record, by number or by name; records that see the
same place at the same time are not independent. Where something is asked dozens of times, the delta method is
enough. The intervals that a report shows are drawn: 10,000 times, from sums per group, compiled. Groups
without any count cannot move a Dice: how many draws fall on the others is drawn first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts, global_dice

REPLICATES = 10_000
CERTAIN = 999.0  # a z that no sample gives, and that JSON can write

Groups = Sequence[str] | NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A Dice, or a difference of two, with its standard error and 95 % interval."""

    value: float
    error: float
    low: float
    high: float

    @property
    def z(self) -> float:
        """Value over standard error, as of a `Gain`."""
        return _z(self.value, self.error)


@dataclass(frozen=True)
class Gain:
    """A difference of two Dice on the same records and its standard error."""

    value: float
    error: float

    @property
    def z(self) -> float:
        """Value over standard error; if all groups agree exactly, `CERTAIN` with the value's sign, or 0."""
        return _z(self.value, self.error)


def paired_gain(first: NDArray[np.int64], second: NDArray[np.int64], groups: Groups) -> Gain:
    """Dice of `first` minus Dice of `second`, counts (n, 3) of the same records, by the delta method."""
    size, where = _numbered(groups)
    per_group = np.bincount(where, weights=_influence(first) - _influence(second))
    # The influences of all groups sum to 0, so their square sum is their variance times their number.
    spread = float((per_group**2).sum()) * size / max(1, size - 1)
    return Gain(Counts.of(first).dice - Counts.of(second).dice, float(np.sqrt(spread)))


def _influence(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Influence of each record on the Dice of all: (n,), sum 0."""
    whole = Counts.of(counts)
    total = whole.predicted + whole.truth
    if not total:
        return np.zeros(len(counts))
    return (2 * counts[:, 0] - whole.dice * (counts[:, 1] + counts[:, 2])) / total


def standard_error(counts: NDArray[np.int64], groups: Groups) -> float:
    """Standard error of the Dice of counts (n, 3), by the delta method."""
    return paired_gain(counts, np.zeros_like(counts), groups).error


def dice_interval(counts: NDArray[np.int64], groups: Groups, seed: int = 0, replicates: int = REPLICATES) -> Estimate:
    """Dice of counts (n, 3) with its standard error and 95 % interval."""
    draws = _draw([counts], groups, seed, replicates)[0]
    return _estimate(Counts.of(counts).dice, draws)


def dice_difference(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    groups: Groups,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Estimate:
    """Dice of `first` minus Dice of `second` on the same records, with the same bootstrap draws for both."""
    draws = _draw([first, second], groups, seed, replicates)
    return _estimate(Counts.of(first).dice - Counts.of(second).dice, draws[0] - draws[1])


def _draw(systems: Sequence[NDArray[np.int64]], groups: Groups, seed: int, replicates: int) -> NDArray[np.float64]:
    """Dice of every system in every replicate: (systems, replicates)."""
    from core.resample import resample  # numba takes its time to load

    size, where = _numbered(groups)
    # Columns: true positives, and predicted + truth, of each system in turn.
    pairs = [column for one in systems for column in (one[:, 0], one[:, 1] + one[:, 2])]
    rows = np.stack([np.bincount(where, weights=pair, minlength=size) for pair in pairs], axis=1)
    rows = rows[rows.any(axis=1)].astype(np.int64)
    sums = np.zeros((replicates, rows.shape[1]), np.int64)
    if len(rows):
        draws = np.random.default_rng(seed).binomial(size, len(rows) / size, replicates)
        resample(rows, draws.astype(np.int64), seed, sums)
    tp, total = sums[:, ::2].T, sums[:, 1::2].T
    return global_dice(tp, total)


def _numbered(groups: Groups) -> tuple[int, NDArray[np.int64]]:
    """Number of groups, and the group index of each record."""
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    return len(names), where.astype(np.int64)


def _z(value: float, error: float) -> float:
    if not error:
        return math.copysign(CERTAIN, value) if value else 0.0
    return max(-CERTAIN, min(CERTAIN, value / error))


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, float(draws.std()), float(low), float(high))
