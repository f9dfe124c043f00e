"""Selection of a strategy: the rule of `auto`, and a check of the options that the user gave.

In: `FitOptions` and a training set. Out: a `Strategy` and the decisions that led to it. Stays outside: scoring.

`auto` compares candidates by their cross-fitted Dice and takes the highest, of ties the simplest. It compares weights
first, each at its best threshold without min-pixels, then the min-pixels modes for the selected weights. The rule
itself is cross-fitted: without fold k, it decides from the remaining folds alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.dice import Counts
from core.errors import UsageError
from core.uncertainty import Groups, paired_gain
from ensemble.counts import Counts3, TrainingSet
from ensemble.elimination import kept_sizes
from ensemble.lineup import OnDecision, choose_members
from ensemble.min_pixels import NONE, ranked_modes
from ensemble.ratios import shares_of
from ensemble.strategy import AUTO, RATIOS, Decision, FitOptions, Strategy, comparable, cross_fitted_counts

SHRINKAGE = (0.25, 0.5, 0.75, 1.0)  # steps from equal to greedy weights
TIE_Z = 0.0  # largest z at which a candidate counts as tied with the highest: see docs/honesty.md


def candidates(members: int) -> tuple[Strategy, ...]:
    """List the weights that `auto` compares for this number of members, the simplest first: equal weights."""
    pruned = [Strategy(keep=size) for size in kept_sizes(members)]
    shrunk = [Strategy("greedy", step) for step in SHRINKAGE]
    return (Strategy(), Strategy("best"), *pruned, *shrunk, Strategy("stack"))


def scorable(options: FitOptions, folds: int) -> FitOptions:
    """Reduce the options to what can be scored on this number of folds.

    With two folds, the ensemble that is scored on one would be selected on the other alone, where cross-fitting is not
    possible, and a selection on both would be reported with the Dice of another ensemble. So nothing is selected.
    """
    if folds != 2:
        return options
    method = "uniform" if options.method == AUTO else options.method
    min_pixels = NONE if options.min_pixels == AUTO else options.min_pixels
    return replace(options, method=method, min_pixels=min_pixels, prune=False)


def select(
    options: FitOptions,
    training: TrainingSet,
    on_decision: OnDecision = lambda decision: None,
    tie_z: float = TIE_Z,
) -> Strategy:
    """Select a strategy by the options on this training set; `auto` keeps the defaults if not `comparable`.

    tie_z: largest z at which a candidate counts as tied with the highest
    """
    shares = tuple(shares_of(options.ratios, training.counts.active.members)) if options.method == RATIOS else ()
    # A member without a share must not be the only one left.
    able = training.among([member for member in training.members if not shares or shares[member] > 0])
    if not able.members:
        raise UsageError(f'--ratios "{options.ratios}": gives no weight to a member whose pixels have several values')
    members = choose_members(options, able, on_decision)
    part = training.among(members)
    strategy = Strategy(members=None if members == training.members else members, shares=shares)
    if options.method not in (AUTO, RATIOS):
        strategy = replace(strategy, method=options.method)
    elif options.method == AUTO and comparable(part) and part.size > 1:
        tried = {one.title: replace(one, members=strategy.members) for one in candidates(part.size)}
        strategy = _select_among("weights", tried, part, on_decision, tie_z)
    if options.min_pixels != AUTO:
        return replace(strategy, mode=options.min_pixels)
    modes = {mode: replace(strategy, mode=mode) for mode in (NONE, *ranked_modes())}
    return _select_among("min-pixels", modes, part, on_decision, tie_z) if comparable(part) else strategy


def check_requested(options: FitOptions, strategy: Strategy, training: TrainingSet) -> list[Decision]:
    """Measure the gain of a method, a mode or pruning that the user asked for."""
    if len(training.folds) < 2:
        return []
    plain, equal = replace(strategy, mode=NONE), Strategy(members=strategy.members)
    pairs = []
    if options.method not in (AUTO, "uniform"):
        pairs.append(("weights", options.method, "uniform", plain, equal))
    if options.min_pixels not in (AUTO, NONE):
        pairs.append(("min-pixels", options.min_pixels, NONE, strategy, plain))
    if options.prune and strategy.members is not None:
        whole = select(replace(options, prune=False), training)
        pairs.append(("pruning", "fewer members", "all members", strategy, whole))
    groups = training.counts.groups_of(training.folds)
    decisions = []
    for question, name, against, candidate, baseline in pairs:
        first, second = (cross_fitted_counts(training, one) for one in (candidate, baseline))
        gain, dice = paired_gain(first, second, groups), Counts.of(first).dice
        decisions.append(Decision(question, name, against, gain, dice, taken=True, asked=True))
    return decisions


def simplest_of_best(counts: Sequence[Counts3], groups: Groups, tie_z: float = TIE_Z) -> int:
    """Find the first of several counts (n, 3) of the same records that the highest Dice exceeds by z <= `tie_z`."""
    best = max(counts, key=lambda one: Counts.of(one).dice)
    return next(number for number, one in enumerate(counts) if paired_gain(best, one, groups).z <= tie_z)


def _select_among(
    question: str, tried: Mapping[str, Strategy], training: TrainingSet, on_decision: OnDecision, tie_z: float
) -> Strategy:
    """Select one of these strategies, the simplest first, by their cross-fitted Dice."""
    counts = {name: cross_fitted_counts(training, one) for name, one in tried.items()}
    groups = training.counts.groups_of(training.folds)
    names = list(tried)
    taken = names[simplest_of_best(list(counts.values()), groups, tie_z)]
    for name in names[1:]:
        gain = paired_gain(counts[name], counts[names[0]], groups)
        on_decision(Decision(question, name, names[0], gain, Counts.of(counts[name]).dice, name == taken))
    return tried[taken]
