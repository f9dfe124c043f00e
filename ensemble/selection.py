"""Selection of a strategy: the rule of `auto`, and a check of what the user asked for.

In: `FitOptions` and a training set. Out: a `Strategy` and the decisions that led to it. Stays outside: scoring.

`auto` is a rule rather than a method. Fitted weights replace equal ones only if their cross-fitted paired gain is
reliable (z > 1); else equal weights move towards them by the smallest step within one standard error of the best. A
stacker and min-pixels are taken only if their gain is reliable, too. The rule itself is cross-fitted: without fold k,
it decides from the remaining folds alone.
"""

from dataclasses import replace

from core.bootstrap import Gain, paired_gain
from core.dice import Counts
from core.errors import UsageError
from ensemble.counts import TrainingSet
from ensemble.lineup import OnDecision, choose_members
from ensemble.min_pixels import NONE, ranked_modes
from ensemble.ratios import shares_of
from ensemble.strategy import AUTO, RATIOS, RELIABLE_Z, Decision, FitOptions, Strategy, cross_fitted_counts

CANDIDATE = "greedy"  # tried by auto in place of equal weights
STACKER = "stack"  # tried by auto in place of weights of probabilities
SHRINKAGE = (0.0, 0.25, 0.5, 0.75, 1.0)  # steps from equal to fitted weights


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


def select(options: FitOptions, training: TrainingSet, on_decision: OnDecision = lambda decision: None) -> Strategy:
    """Select the strategy that the options lead to on this training set; with one fold, `auto` keeps the defaults."""
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
    elif options.method == AUTO and len(part.folds) > 1 and part.size > 1:
        strategy = _select_weights(strategy, part, on_decision)
        strategy = _select_stacker(strategy, part, on_decision)
    if options.min_pixels != AUTO:
        return replace(strategy, mode=options.min_pixels)
    return _select_mode(strategy, part, on_decision) if len(part.folds) > 1 else strategy


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
    return [
        Decision(question, name, against, _gain(training, candidate, baseline), taken=True, asked=True)
        for question, name, against, candidate, baseline in pairs
    ]


def _gain(training: TrainingSet, candidate: Strategy, baseline: Strategy) -> Gain:
    groups = training.counts.groups_of(training.folds)
    return paired_gain(cross_fitted_counts(training, candidate), cross_fitted_counts(training, baseline), groups)


def _select_weights(strategy: Strategy, training: TrainingSet, on_decision: OnDecision) -> Strategy:
    steps = [replace(strategy, method=CANDIDATE, step=step) for step in SHRINKAGE]
    counts = [cross_fitted_counts(training, step) for step in steps]
    groups = training.counts.groups_of(training.folds)
    full = paired_gain(counts[-1], counts[0], groups)
    chosen = len(steps) - 1
    if full.z <= RELIABLE_Z:
        best = max(range(len(steps)), key=lambda index: Counts.of(counts[index]).dice)
        lost = [paired_gain(counts[best], one, groups) for one in counts]
        chosen = next(index for index, loss in enumerate(lost) if loss.value <= loss.error)
    taken = steps[chosen].step
    question = "weights" if taken in (0, 1) else f"weights, shrunk to {taken:.0%} of the way"
    on_decision(Decision(question, CANDIDATE, "uniform", full, taken > 0))
    return steps[chosen] if taken else strategy


def _select_stacker(strategy: Strategy, training: TrainingSet, on_decision: OnDecision) -> Strategy:
    stacked = replace(strategy, method=STACKER, step=1.0)
    gain = _gain(training, stacked, strategy)
    on_decision(Decision("stacker", STACKER, strategy.method, gain, gain.z > RELIABLE_Z))
    return stacked if gain.z > RELIABLE_Z else strategy


def _select_mode(strategy: Strategy, training: TrainingSet, on_decision: OnDecision) -> Strategy:
    groups, plain = training.counts.groups_of(training.folds), cross_fitted_counts(training, strategy)
    counts = {mode: cross_fitted_counts(training, replace(strategy, mode=mode)) for mode in ranked_modes()}
    gains = {mode: paired_gain(counted, plain, groups) for mode, counted in counts.items()}
    mode = max(gains, key=lambda name: gains[name].value)
    selected = mode if gains[mode].z > RELIABLE_Z else NONE
    for name, gain in gains.items():
        on_decision(Decision("min-pixels", name, NONE, gain, name == selected))
    return replace(strategy, mode=selected)
