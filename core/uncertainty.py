"""Uncertainty of a Dice or a paired difference over scene groups: the jackknife, and the delta method.

In: counts per record, (n, 3), and the scene group of each record, by number or by name; records that see the
same place at the same time are not independent. Out: an `Estimate` or a `Gain`, and their intervals in words.

Reported intervals are jackknife-t intervals on the scale of atanh, chosen by their coverage (docs/honesty.md).
A selection, which compares dozens of candidates, takes the faster delta method.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts, global_dice
from core.words import counted

CERTAIN = 999.0  # a z that no sample gives, and that JSON can write
FEW_EFFECTIVE = 20  # effective groups from which intervals have their nominal coverage: docs/honesty.md

Groups = Sequence[str] | NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A Dice, or a difference of two, with its standard error and 95 % interval over scene groups."""

    value: float
    error: float
    interval: tuple[float, float] | None  # None if fewer than two groups hold a pixel
    groups: int
    effective_groups: float  # 1 / sum of squared shares of the pixels

    @property
    def bounds(self) -> list[float] | None:
        """Interval as in JSON documents."""
        return list(self.interval) if self.interval else None

    @property
    def low(self) -> float:
        """Lower bound; NaN without an interval, so that comparisons are False."""
        return self.interval[0] if self.interval else math.nan

    @property
    def high(self) -> float:
        """Upper bound; NaN without an interval, so that comparisons are False."""
        return self.interval[1] if self.interval else math.nan

    @property
    def z(self) -> float:
        """Value over standard error, as of a `Gain`; 0 without an interval."""
        return _z(self.value, self.error) if self.interval else 0.0

    @property
    def caution(self) -> str | None:
        """Reason not to trust the interval; None if there are enough effective groups."""
        if self.groups == 1:
            return "only one scene group: there are no intervals"
        if self.effective_groups >= FEW_EFFECTIVE:
            return None
        few = f"only {self.effective_groups:.1f} effective of {self.groups} scene groups (by share of the pixels)"
        return f"{few}: no interval can be trusted"


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
    apart = group_influence(first, groups) - group_influence(second, groups)
    return Gain(Counts.of(first).dice - Counts.of(second).dice, float(delta_error(apart)))


def group_influence(counts: NDArray[np.int64], groups: Groups) -> NDArray[np.float64]:
    """Influence of each group on the Dice of counts (n, 3): (groups,), sum 0."""
    return np.asarray(np.bincount(_numbered(groups)[1], weights=_influence(counts)), dtype=np.float64)


def delta_error(influence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error of a Dice, or of a difference, with this influence of each group: (..., groups) -> (...)."""
    size = influence.shape[-1]
    # The influences of all groups sum to 0, so their square sum is their variance times their number.
    return np.asarray(np.sqrt((influence**2).sum(axis=-1) * size / max(1, size - 1)))


def carriers(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Number of groups that carry the variance of their deviations, not all 0: (..., groups) -> (...)."""
    squares = deviations**2
    return np.asarray(squares.sum(axis=-1) ** 2 / (squares**2).sum(axis=-1))


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


def dice_interval(counts: NDArray[np.int64], groups: Groups) -> Estimate:
    """Dice of counts (n, 3) with its standard error and 95 % interval."""
    tp, total = per_group([counts], groups)
    return _estimate(_dice(tp, total)[0], _left_out(tp, total)[0], total.sum(axis=0), 0.0)


def dice_difference(first: NDArray[np.int64], second: NDArray[np.int64], groups: Groups) -> Estimate:
    """Dice of `first` minus Dice of `second`, counts (n, 3) of the same records, with its paired 95 % interval."""
    tp, total = per_group([first, second], groups)
    whole, without = _dice(tp, total), _left_out(tp, total)
    return _estimate(whole[0] - whole[1], without[0] - without[1], total.sum(axis=0), -1.0)


def jackknife_interval(value: float, without: NDArray[np.float64], weights: NDArray[np.float64]) -> Estimate:
    """Estimate of any statistic from its values without each group, (groups,), by the jackknife-t on its own scale.

    weights: (groups,) of each group in it, from which the effective number of groups follows
    """
    from scipy.special import stdtrit  # takes its time to load

    size, effective = len(without), float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0
    if size < 2:
        return Estimate(float(value), 0.0, None, size, effective)
    error, freedom = _jackknife(without)
    reach = float(stdtrit(freedom, 0.975)) * error if error else 0.0
    return Estimate(float(value), error, (float(value) - reach, float(value) + reach), size, effective)


def interval_of_size(
    value: float, known: float, interval: Sequence[float], records: int, size: int
) -> tuple[float, float]:
    """95 % interval of a Dice `value` that was computed on `size` records.

    known, interval: Dice of a like prediction on `records` records of the same kind, with its interval. The error falls
    with the root of the number of records; on the scale of atanh, as the intervals themselves.
    """
    middle, shrunk = _stretched(value), math.sqrt(records / size)
    low, high = (middle + (_stretched(bound) - _stretched(known)) * shrunk for bound in interval)
    return (1 + math.tanh(low)) / 2, (1 + math.tanh(high)) / 2


def _stretched(dice: float) -> float:
    """Dice on the scale of atanh, finite."""
    return math.atanh(min(max(2 * dice - 1, -1 + 1e-9), 1 - 1e-9))


def jackknife_dice(counts: NDArray[np.int64], groups: Groups) -> float:
    """Dice of counts (n, 3) without the bias of few groups, of order 1 / groups; in [0, 1].

    Large contrails are found best and are rare: most small samples have too few of them, so their Dice is too low.
    Source: Quenouille (1956), as in Efron and Tibshirani, An Introduction to the Bootstrap, chapter 10.
    """
    tp, total = per_group([counts], groups)
    whole, size = float(_dice(tp, total)[0]), tp.shape[1]
    if np.count_nonzero(total) < 2:
        return whole
    return min(1.0, max(0.0, size * whole - (size - 1) * float(_left_out(tp, total)[0].mean())))


def per_group(systems: Sequence[NDArray[np.int64]], groups: Groups) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True positives, and predicted + truth, of each system in each group: both (systems, groups)."""
    size, where = _numbered(groups)

    def sums(column: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(where, weights=column, minlength=size).astype(np.int64)

    tp = np.stack([sums(one[:, 0]) for one in systems])
    return tp, np.stack([sums(one[:, 1] + one[:, 2]) for one in systems])


def effective_groups(pixels: NDArray[np.int64]) -> float:
    """Effective number of groups with these numbers of pixels, (groups,); 0 without a pixel."""
    return float(pixels.sum() ** 2 / (pixels**2.0).sum()) if pixels.any() else 0.0


def groups_text(groups: int, effective: float | None) -> str:
    """Number of scene groups in words, with the effective number; None in documents of an earlier release."""
    return counted(groups, "scene group") + ("" if effective is None else f" ({effective:.1f} effective)")


def interval_text(interval: Sequence[float] | None, figure: str = ".4f") -> str:
    """Interval as text, each bound by the format `figure`.

    >>> interval_text((0.5, 0.625), ".3f")
    '[0.500, 0.625]'
    """
    return f"[{interval[0]:{figure}}, {interval[1]:{figure}}]" if interval else "(no interval)"


def _dice(tp: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Dice of each system: (systems,)."""
    return global_dice(tp.sum(axis=1), total.sum(axis=1))


def _left_out(tp: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    """Dice of each system without each group in turn: (systems, groups)."""
    return global_dice(tp.sum(axis=1, keepdims=True) - tp, total.sum(axis=1, keepdims=True) - total)


def _estimate(value: float, without: NDArray[np.float64], pixels: NDArray[np.int64], lowest: float) -> Estimate:
    """Jackknife-t interval on the scale of atanh, where `value` lies between `lowest` and 1.

    without: (groups,) the value without each group; pixels: (groups,) pixels of each group
    """
    from scipy.special import stdtrit  # takes its time to load

    size, value = len(without), float(value)
    effective = effective_groups(pixels)
    if np.count_nonzero(pixels) < 2:
        return Estimate(value, 0.0, None, size, effective)
    error, freedom = _jackknife(without)
    if not error:
        return Estimate(value, 0.0, (value, value), size, effective)
    middle, half = (1 + lowest) / 2, (1 - lowest) / 2
    at = (value - middle) / half
    reach = float(stdtrit(freedom, 0.975)) * error / half / (1 - at**2)
    low, high = (middle + half * math.tanh(math.atanh(at) + step) for step in (-reach, reach))
    # Where the error is nearly nothing, the two ways of rounding differ.
    return Estimate(value, error, (min(low, value), max(high, value)), size, effective)


def _jackknife(without: NDArray[np.float64]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a statistic, from its values without each group, (groups,).

    The degrees of freedom are the number of groups that carry the variance plus one, which gives the best coverage
    (docs/honesty.md): a standard error dominated by three groups is as uncertain as one of three groups.
    """
    size = len(without)
    deviations = without - without.mean()
    error = math.sqrt(float((deviations**2).sum()) * (size - 1) / size)
    return error, min(size - 1, float(carriers(deviations)) + 1) if error else 0.0


def _numbered(groups: Groups) -> tuple[int, NDArray[np.int64]]:
    """Number of groups, and the group index of each record."""
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    return len(names), where.astype(np.int64)


def _z(value: float, error: float) -> float:
    if not error:
        return math.copysign(CERTAIN, value) if value else 0.0
    return max(-CERTAIN, min(CERTAIN, value / error))
