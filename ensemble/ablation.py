"""Ablation: the contribution of each member to an ensemble, and how similar the members' errors are.

In: a `Fit`. Out: per member the paired change of Dice if it is left out, and the correlation of errors. The weight of a
member that is left out goes to the others in proportion; the threshold is refitted without each fold. Min-pixels are
not applied: they would blur the effect of the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.uncertainty import Estimate, dice_difference
from ensemble.blend import Blend, whole_weights
from ensemble.counts import Choice, Counts3, TrainingSet
from ensemble.crossfit import cross_fit
from ensemble.fitting import Fit

PIXELS = 200_000


@dataclass(frozen=True)
class Contribution:
    """Gain of the ensemble by one member: cross-fitted if there are two folds, else in-sample."""

    member: str
    gain: Estimate


def contributions(fit: Fit) -> tuple[Contribution, ...]:
    """Compute the contribution of every member with a weight; none if there is only one."""
    used = used_members(fit)
    if len(used) < 2:
        return ()
    whole = counts_without(fit, None)
    groups = fit.counts.groups
    return tuple(
        Contribution(fit.active.members[member], dice_difference(whole, counts_without(fit, member), groups))
        for member in used
    )


def used_members(fit: Fit) -> list[int]:
    """Indices of the members with a weight."""
    return [member for member, weight in enumerate(fit.result.choice.blend.weights) if weight]


def error_correlation(fit: Fit) -> NDArray[np.float64]:
    """Correlate the members' errors, probability minus label, over active pixels: (members, members)."""
    values, label = TrainingSet(fit.counts, fit.counts.folds).pixels(PIXELS)
    if len(label) < 2:
        return np.eye(len(values))
    errors = values - label
    errors -= errors.mean(axis=1, keepdims=True)
    length = np.sqrt((errors**2).sum(axis=1))
    length[length == 0] = 1.0
    return np.asarray(errors @ errors.T / np.outer(length, length))


def counts_without(fit: Fit, without: int | None) -> Counts3:
    """Count each record without a member, or with all of them, at the fit's weights and no min-pixels.

    Cross-fitted if there are two folds, else in-sample.
    """
    everything = TrainingSet(fit.counts, fit.counts.folds)
    crossed, used = fit.result.crossed, used_members(fit)
    if crossed is None:
        return fit.counts.records(_cut(everything, _less(fit.result.choice.blend, without, used)))
    chosen = {everything.without(fold).folds: choice.blend for fold, choice in zip(crossed.folds, crossed.choices)}
    return cross_fit(everything, lambda part: _cut(part, _less(chosen[part.folds], without, used))).counts


def _cut(training: TrainingSet, blend: Blend) -> Choice:
    return Choice(blend, training.cut(blend, "none")[0])


def _less(blend: Blend, without: int | None, others: Sequence[int]) -> Blend:
    """Take a member out of a blend; if it had all the weight, the others share it equally."""
    if without is None:
        return blend
    rest = np.array(blend.weights, dtype=np.float64)
    rest[without] = 0
    if not rest.any():
        rest[[member for member in others if member != without]] = 1
    return Blend(whole_weights(rest), blend.table)
