"""Intervals that were compared for docs/honesty.md; the chosen one is in `core.uncertainty`.

In: counts per record of two systems and their groups, as `coverage_worlds` draws them. Out: for the Dice of the first
and for the difference of both, an interval by each way. Bootstraps are compiled, and count in each replicate the
standard error that a studentised one divides by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Bounds = tuple[float, float]
DRAWS = 500
OUTER, INNER = 80, 50  # of the double bootstrap
TAILS = np.array([0.025, 0.975])


@njit(cache=True)
def _measure(rows):  # type: ignore[no-untyped-def]
    """Value, linearised and jackknife standard error of the first Dice and of the difference: (2, 3).

    rows: (n, 4) 2 * true positives and predicted + truth of two systems in each group
    """
    size = rows.shape[0]
    sums = rows.sum(axis=0)
    found = np.zeros((2, 3))
    if sums[1] <= 0 or sums[3] <= 0:
        found[:] = np.nan
        return found
    first, second = sums[0] / sums[1], sums[2] / sums[3]
    squares, left, left_squares = np.zeros(2), np.zeros(2), np.zeros(2)
    for i in range(size):
        one = (rows[i, 0] - first * rows[i, 1]) / sums[1]
        two = (rows[i, 2] - second * rows[i, 3]) / sums[3]
        without_one = one / max(1 - rows[i, 1] / sums[1], 1e-3)
        without_two = two / max(1 - rows[i, 3] / sums[3], 1e-3)
        for which, (at, without) in enumerate(((one, without_one), (one - two, without_one - without_two))):
            squares[which] += at**2
            left[which] += without
            left_squares[which] += without**2
    found[:, 0] = first, first - second
    found[:, 1] = np.sqrt(squares * size / (size - 1))
    found[:, 2] = np.sqrt(np.maximum(0, left_squares - left**2 / size) * (size - 1) / size)
    return found


@njit(cache=True)
def _resample(records, first, drawn, two_stage, replicates, rng):  # type: ignore[no-untyped-def]
    """Measures of samples of `drawn` groups: (replicates, 2, 3); two_stage: and of their records, again."""
    groups = len(first) - 1
    found, rows = np.zeros((replicates, 2, 3)), np.zeros((drawn, 4))
    for replicate in range(replicates):
        rows[:] = 0
        for i in range(drawn):
            group = rng.integers(0, groups)
            low, high = first[group], first[group + 1]
            for record in range(low, high):
                rows[i] += records[rng.integers(low, high) if two_stage else record]
        found[replicate] = _measure(rows)
    return found


@njit(cache=True)
def _nested(rows, outer, inner, rng):  # type: ignore[no-untyped-def]
    """Share of the inner replicates of each outer one that lie below the sample's values: (outer, 2)."""
    size, shares = len(rows), np.zeros((outer, 2))
    sums = rows.sum(axis=0)
    value = np.array([sums[0] / sums[1], sums[0] / sums[1] - sums[2] / sums[3]])
    again = np.zeros_like(rows)
    for i in range(outer):
        for j in range(size):
            again[j] = rows[rng.integers(0, size)]
        for _ in range(inner):
            drawn = np.zeros(4)
            for _ in range(size):
                drawn += again[rng.integers(0, size)]
            one = drawn[0] / max(drawn[1], 1e-9)
            two = drawn[2] / max(drawn[3], 1e-9)
            shares[i, 0] += (one < value[0]) + 0.5 * (one == value[0])
            shares[i, 1] += (one - two < value[1]) + 0.5 * (one - two == value[1])
    return shares / inner


@dataclass(frozen=True, eq=False)
class Study:
    """One sample, seen by one quantity: a Dice in [0, 1], or a difference in [-1, 1]."""

    lowest: float
    groups: int
    value: float
    linear: float  # standard errors
    jackknife: float
    left_out: Floats  # (groups,) value without each group, less the value
    draws: Floats  # (replicates, 3) value, linear, jackknife
    fewer: Floats  # (replicates,) values of samples of fewer groups
    drawn: int  # how many
    two_stage: Floats  # (replicates,)
    nested: Floats  # (outer,) shares

    @property
    def bias(self) -> float:
        """Bias by the jackknife."""
        return (self.groups - 1) * float(self.left_out.mean())

    @property
    def carriers(self) -> float:
        """Number of groups that carry the variance."""
        squares = (self.left_out - self.left_out.mean()) ** 2
        return float(squares.sum() ** 2 / (squares**2).sum())

    def scaled(self, low: float, high: float) -> Bounds:
        """Bounds back from the scale of atanh."""
        middle, half = (1 + self.lowest) / 2, (1 - self.lowest) / 2
        return middle + half * float(np.tanh(low)), middle + half * float(np.tanh(high))

    def on_scale(self, values: Floats | float, errors: Floats | float) -> tuple[Any, Any]:
        """Values and errors on the scale of atanh: arrays of arrays, numbers of numbers."""
        middle, half = (1 + self.lowest) / 2, (1 - self.lowest) / 2
        at = (values - middle) / half
        return np.arctanh(at), errors / half / (1 - at**2)


def studies(counts: NDArray[np.int64], where: NDArray[np.int64], rng: np.random.Generator) -> tuple[Study, Study]:
    """Draw all that the ways need: for the Dice of the first system, and for its difference to the second."""
    records = np.stack([2 * counts[:, 0], counts[:, 1:3].sum(1), 2 * counts[:, 3], counts[:, 4:].sum(1)], axis=1)
    records = records.astype(float)
    first = np.append(np.flatnonzero(np.diff(where, prepend=-1)), len(where))
    rows = np.add.reduceat(records, first[:-1])
    size = len(rows)
    fewer = max(2, round(size**0.8))
    found, without = _measure(rows), rows.sum(axis=0) - rows
    with np.errstate(invalid="ignore", divide="ignore"):
        one, two = without[:, 0] / without[:, 1], without[:, 2] / without[:, 3]
    left = np.nan_to_num([one, one - two], nan=0.0) - found[:, :1]
    draws = _resample(records, first, size, False, DRAWS, rng)
    few = _resample(records, first, fewer, False, DRAWS, rng)[:, :, 0]
    twice = _resample(records, first, size, True, DRAWS, rng)[:, :, 0]
    nested = _nested(rows, OUTER, INNER, rng)
    defined, few_defined, twice_defined = (np.isfinite(a.reshape(DRAWS, -1)[:, 0]) for a in (draws, few, twice))
    both = []
    for i, lowest in enumerate((0.0, -1.0)):
        value, linear, jackknife = map(float, found[i])
        drawn = (draws[defined, i], few[few_defined, i], fewer, twice[twice_defined, i], nested[:, i])
        both.append(Study(lowest, size, value, linear, jackknife, left[i], *drawn))
    return both[0], both[1]


def _percentile(study: Study) -> Bounds:
    low, high = np.quantile(study.draws[:, 0], TAILS)
    return float(low), float(high)


def _basic(study: Study) -> Bounds:
    low, high = _percentile(study)
    return 2 * study.value - high, 2 * study.value - low


def _bca(study: Study) -> Bounds:
    below = np.mean(study.draws[:, 0] < study.value) + 0.5 * np.mean(study.draws[:, 0] == study.value)
    spread = float((study.left_out**2).sum())
    if not 0 < below < 1 or not spread:
        return _percentile(study)
    shift = special.ndtri(below)
    skew = float((-(study.left_out**3)).sum()) / (6 * spread**1.5)
    at = shift + special.ndtri(TAILS)
    low, high = np.quantile(study.draws[:, 0], special.ndtr(shift + at / (1 - skew * at)))
    return float(low), float(high)


def _studentised(study: Study, column: int, scaled: bool = False, symmetric: bool = False) -> Bounds:
    """Bootstrap-t with the error of this column, on the scale of atanh if `scaled`."""
    value, error = study.value, (study.linear, study.jackknife)[column - 1]
    values, errors = study.draws[:, 0], study.draws[:, column]
    if not error:
        return value, value
    with np.errstate(all="ignore"):
        if scaled:
            values, errors = study.on_scale(values, errors)
            value, error = study.on_scale(value, error)
        t = (values - value) / errors
    t = t[np.isfinite(t)]
    if len(t) < DRAWS / 10:
        return study.value, study.value
    high, low = -np.quantile(t, TAILS) * error
    if symmetric:
        high = float(np.quantile(np.abs(t), 0.95)) * error
        low = -high
    return study.scaled(value + low, value + high) if scaled else (value + float(low), value + float(high))


def _jackknife(study: Study, freedom: Callable[[Study], float], scaled: bool = True, corrected: bool = False) -> Bounds:
    """The jackknife's error with a t quantile; around the jackknifed value if `corrected`."""
    if not study.jackknife:
        return study.value, study.value
    value, error = study.value, study.jackknife
    if scaled:
        value, error = study.on_scale(value, error)
    value -= study.bias * error / study.jackknife if corrected else 0.0
    reach = float(special.stdtrit(max(1.0, freedom(study)), 0.975)) * error
    return study.scaled(value - reach, value + reach) if scaled else (value - reach, value + reach)


def _satterthwaite(study: Study) -> float:
    return 2 / max(1e-9, 1 / study.carriers - 1 / study.groups)


def _fewer(study: Study) -> Bounds:
    shrink = float(np.sqrt(study.drawn / study.groups))
    high, low = study.value - shrink * (np.quantile(study.fewer, TAILS) - study.value)
    return float(low), float(high)


def _two_stage(study: Study) -> Bounds:
    low, high = np.quantile(study.two_stage, TAILS)
    return float(low), float(high)


def _calibrated(study: Study) -> Bounds:
    low, high = np.quantile(study.draws[:, 0], np.quantile(study.nested, TAILS))
    return float(low), float(high)


WAYS: dict[str, Callable[[Study], Bounds]] = {
    "percentile": _percentile,
    "basic": _basic,
    "BCa": _bca,
    "two-stage percentile (groups, then records)": _two_stage,
    "m out of n, m = n^0.8": _fewer,
    "double bootstrap (calibrated percentile)": _calibrated,
    "bootstrap-t, linearised error": lambda study: _studentised(study, 1),
    "bootstrap-t, jackknife error": lambda study: _studentised(study, 2),
    "bootstrap-t, linearised error, logit": lambda study: _studentised(study, 1, scaled=True),
    "bootstrap-t, jackknife error, logit": lambda study: _studentised(study, 2, scaled=True),
    "symmetric bootstrap-t, jackknife error": lambda study: _studentised(study, 2, symmetric=True),
    "symmetric bootstrap-t, jackknife error, logit": lambda study: _studentised(study, 2, scaled=True, symmetric=True),
    "jackknife-t, groups - 1": lambda study: _jackknife(study, lambda one: one.groups - 1, scaled=False),
    "jackknife-t, groups - 1, logit": lambda study: _jackknife(study, lambda one: one.groups - 1),
    "jackknife-t, Satterthwaite": lambda study: _jackknife(study, _satterthwaite, scaled=False),
    "jackknife-t, Satterthwaite, logit": lambda study: _jackknife(study, _satterthwaite),
    "jackknife-t, Satterthwaite, logit, bias-corrected": lambda study: _jackknife(
        study, _satterthwaite, corrected=True
    ),
    "jackknife-t, carriers - 1, logit": lambda study: _jackknife(study, lambda one: one.carriers - 1),
    "jackknife-t, carriers + 1": lambda study: _jackknife(study, lambda one: one.carriers + 1, scaled=False),
}
