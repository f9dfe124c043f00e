"""Warnings about a fit, each with its figures. In: a `Fit`. Out: lines of text."""

from collections.abc import Mapping

import numpy as np

from core.dice import Counts
from core.thresholds import threshold_text
from ensemble.active import EPS, Active
from ensemble.fitting import Fit
from ensemble.landscape import DROP, plateau
from ensemble.strategy import RELIABLE_Z

SPREAD = 0.10  # distance of the folds' thresholds
NARROW = 0.05  # width of a plateau
FAR = 0.15  # distance of the threshold from Dice / 2
OPTIMISM = 0.02
FEW_RECORDS = 30
AMOUNT = 2.0  # ratio of predicted to labelled pixels, either way
SHIFT = 1.5  # ratio of the shares of contrail pixels in two splits


def warnings_of(fit: Fit) -> list[str]:
    """Collect all warnings about a fit."""
    return [line for check in _CHECKS for line in check(fit)]


def rate_shift(active: Active, split_of: Mapping[str, str]) -> list[str]:
    """Warn of a train and a validation split whose shares of foreground pixels differ by half or more."""
    rates = {}
    for split in ("train", "validation"):
        chosen = np.array([split_of.get(record) == split for record in active.record_ids])
        if chosen.sum() >= FEW_RECORDS:
            rates[split] = float(active.truth[chosen].mean()) / (active.shape[0] * active.shape[1])
    if len(rates) < 2 or max(rates.values()) <= SHIFT * min(rates.values()):
        return []
    words = " and ".join(f"{rate:.2%} of the {split} pixels" for split, rate in rates.items())
    return [f"the labels cover {words}: one threshold for both suits neither well"]


def _folds(fit: Fit) -> list[str]:
    number = len(fit.active.folds)
    if number == 1:
        return ["only one fold has predictions: every Dice is in-sample, thus too high; train another fold"]
    if number > 2:
        return []
    return ["2 folds: a choice that is scored on one cannot be selected on both; auto keeps its defaults, no pruning"]


def _few(fit: Fit) -> list[str]:
    caution = fit.estimate(fit.result.counts).caution
    return [caution] if caution else []


def _constant(fit: Fit) -> list[str]:
    names = [fit.active.members[member] for member in fit.active.constant]
    if len(names) == len(fit.active.members):
        return ["every member has one value in all pixels: nothing can be found"]
    return [f"one value in all pixels, thus no weight: {', '.join(names)}"] if names else []


def _below_floor(fit: Fit) -> list[str]:
    """Members that find nothing because all their probabilities lie below those that the fit reads."""
    if fit.active.eps <= 1:
        return []
    constant = {fit.active.members[member] for member in fit.active.constant}
    names = [one.name for one in fit.members if not one.in_sample[:, 0].any() and one.name not in constant]
    floor = f"{fit.active.eps / 255:.3f}"
    words = f"find nothing at p >= {floor}, where this fit begins to read; the leaderboard scores each from lower on"
    return [f"{', '.join(names)}: {words}"] if names else []


def _thresholds(fit: Fit) -> list[str]:
    if fit.result.crossed is None:
        return []
    values = [choice.threshold for choice in fit.result.crossed.choices]
    if max(values) - min(values) <= SPREAD:
        return []
    listed = ", ".join(threshold_text(value) for value in values)
    return [f"thresholds disagree between folds: {listed}"]


def _plateau(fit: Fit) -> list[str]:
    low, high = plateau(fit.counts, fit.result.choice)
    if high - low >= NARROW:
        return []
    return [f"the Dice plateau is narrow: less than {DROP} is lost only from {low:.3f} to {high:.3f}"]


def _calibration(fit: Fit) -> list[str]:
    half = Counts.of(fit.result.in_sample).dice / 2
    threshold = fit.result.choice.threshold
    if abs(threshold - half) <= FAR:
        return []
    return [
        f"the threshold {threshold_text(threshold)} is far from half the Dice ({half:.2f}), where calibrated "
        "probabilities have it: the blend is miscalibrated"
    ]


def _optimism(fit: Fit) -> list[str]:
    if fit.result.crossed is None:
        return []
    optimism = Counts.of(fit.result.in_sample).dice - fit.result.crossed.dice
    if optimism <= OPTIMISM:
        return []
    return [f"the in-sample Dice is {optimism:.3f} above the cross-fitted one: the fit is overfitted"]


def _requested(fit: Fit) -> list[str]:
    """Warn of a method or a mode that is applied as asked though its gain is not reliable."""
    return [
        f"{decision.question} {decision.candidate} as asked, but its gain is not reliable: {decision.gain.value:+.4f} "
        f"cross-fitted over {decision.baseline} (z {decision.gain.z:.1f})"
        for decision in fit.decisions
        if decision.asked
        and decision.gain.z <= (-RELIABLE_Z if decision.question == "pruning" else RELIABLE_Z)
        and (decision.gain.value or decision.gain.error)
    ]


def _lowest_threshold(fit: Fit) -> list[str]:
    """Warn of best thresholds that may lie below the pixels read: a baseline that is cut too high looks worse."""
    names = fit.at_lowest_threshold
    if not names:
        return []
    least = f"p = {fit.active.eps / 255:.3f}"
    return [
        f"the best threshold of {', '.join(names)} may be lower: pixels where no member reaches {least} were not read"
        + (", since they do not fit into --max-ram" if fit.active.eps > EPS else "")
    ]


def _amount(fit: Fit) -> list[str]:
    counts = Counts.of(fit.result.counts)
    if not counts.truth or 1 / AMOUNT <= counts.predicted / counts.truth <= AMOUNT:
        return []
    ratio = counts.predicted / counts.truth
    return [
        f"{counts.predicted} pixels are predicted and {counts.truth} are labelled, {ratio:.2f} times as many: "
        "the members find something else than the labels show"
    ]


_CHECKS = (
    _folds,
    _few,
    _constant,
    _below_floor,
    _thresholds,
    _plateau,
    _calibration,
    _optimism,
    _requested,
    _lowest_threshold,
    _amount,
)
