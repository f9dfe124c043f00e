"""Differences between several Dice scores on the same records, with simultaneous 95 % intervals over scene groups.

In: counts per record of several systems, (n, 3), and the scene group of each record. Out: the difference of pairs of
them. In 95 % of samples all intervals contain the true values at once, so the others can be compared with the best of
many systems, which is the best in part by chance.

Each difference is divided by its standard error, and the largest of the pairs' absolute values gives the width of all
intervals (max-t; Westfall and Young 1993, Resampling-Based Multiple Testing; Hothorn, Bretz and Westfall 2008). Its
quantile is drawn from a multivariate t distribution with the covariance of the scores.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts, global_dice
from core.uncertainty import (
    Estimate,
    Groups,
    carriers,
    delta_error,
    dice_difference,
    effective_groups,
    group_influence,
    per_group,
)

DRAWS = 10_000
SAMPLES = 2_000  # of groups, with replacement
LEVEL = 0.95
SEED = 0


def differences(
    systems: Sequence[NDArray[np.int64]],
    groups: Groups,
    pairs: Sequence[tuple[int, int]],
    cautious: bool = True,
) -> list[Estimate]:
    """Estimate the Dice of the first minus that of the second system of each pair, with simultaneous intervals.

    systems: counts (n, 3) of the same records; pairs: indices of systems
    cautious: widen the intervals where few groups carry the variance; False suits advice, where a wrong claim costs
    little
    """
    if not pairs:
        return []
    dice = [Counts.of(one).dice for one in systems]
    influence = np.stack([group_influence(one, groups) for one in systems])
    size = influence.shape[1]
    first, second = (np.array(side) for side in zip(*pairs))
    errors = delta_error(influence[first] - influence[second])
    width = _quantile(influence, first, second, cautious)
    pixels = per_group(systems, groups)[1]
    found = []
    for (one, other), error in zip(pairs, errors.tolist()):
        value, reach, held = dice[one] - dice[other], width * error, pixels[one] + pixels[other]
        interval = (max(-1.0, value - reach), min(1.0, value + reach)) if np.count_nonzero(held) > 1 else None
        found.append(Estimate(value, error, interval, size, effective_groups(held)))
    return found


def behind_best(systems: Sequence[NDArray[np.int64]], groups: Groups) -> list[Estimate]:
    """Estimate the difference between the highest Dice and that of each system.

    The intervals are simultaneous over all pairs of systems, which corrects for having selected the highest. With few
    groups each also contains the interval of its pair alone, whose scale suits them better.
    """
    number = len(systems)
    best = max(range(number), key=lambda one: Counts.of(systems[one]).dice)
    pairs = [(best, other) for other in range(number)]
    pairs += [(one, other) for one in range(number) for other in range(one) if best not in (one, other)]
    together = differences(systems, groups, pairs)[:number]
    alone = [dice_difference(systems[best], other, groups) for other in systems]
    return [replace(one, interval=_hull(one.interval, other.interval)) for one, other in zip(together, alone)]


def selection_optimism(systems: Sequence[NDArray[np.int64]], groups: Groups) -> float:
    """Estimate how much the highest Dice of several systems is too high for having been chosen as the highest.

    systems: counts (n, 3) of the same records. In each sample of groups with replacement, the system that is the
    highest there is compared with itself on all groups; the mean of the differences is the optimism, less what any
    system gains in the samples (Tibshirani and Tibshirani 2009, of the smallest of several error rates). It finds more
    than half of the optimism of systems that are alike, and hardly any where one is far ahead.
    """
    tp, total = per_group(systems, groups)
    size = tp.shape[1]
    often = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), SAMPLES)
    sampled = global_dice(often @ tp.T, often @ total.T)
    plain = global_dice(tp.sum(axis=1), total.sum(axis=1))
    highest = sampled.argmax(axis=1)
    gains = sampled[np.arange(SAMPLES), highest] - plain[highest]
    return max(0.0, float(gains.mean() - (sampled - plain).mean()))


def _hull(first: tuple[float, float] | None, second: tuple[float, float] | None) -> tuple[float, float] | None:
    return (min(first[0], second[0]), max(first[1], second[1])) if first and second else None


def _quantile(
    influence: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64], cautious: bool
) -> float:
    """Quantile of the largest absolute difference of the pairs, in standard errors.

    influence: (systems, groups). The degrees of freedom are the median over the pairs of those of a single interval:
    the number of groups that carry the variance plus one.
    """
    apart = influence[first] - influence[second]
    spread = (apart**2).sum(axis=1)
    told = spread > 0  # pairs that differ in any group
    if not told.any():
        return 0.0
    freedom = max(1.0, min(influence.shape[1] - 1, float(np.median(carriers(apart[told]))) + 1))
    values, vectors = np.linalg.eigh(influence @ influence.T)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    rng = np.random.default_rng(SEED)  # the same counts give the same intervals
    drawn = rng.standard_normal((DRAWS, len(influence))) @ root.T
    largest = np.zeros(DRAWS)
    for one, other, error in zip(first[told], second[told], np.sqrt(spread[told])):
        np.maximum(largest, np.abs(drawn[:, one] - drawn[:, other]) / error, out=largest)
    if cautious:
        largest /= np.sqrt(rng.chisquare(freedom, DRAWS) / freedom)
    return float(np.quantile(largest, LEVEL))
