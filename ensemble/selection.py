"""What has earned its place: the rules of `auto`, and whether what the user named pays.

In: a `FitOptions` and a training set. Out: a `Strategy` and the decisions that led to it. Stays outside: scoring.

`auto` is a rule and not a method: fitted weights replace equal ones only where their cross-fitted paired gain
stands (z > 1), else they are shrunk to the smallest step towards them that lies within one standard error of
the best; a stacker and min-pixels are taken only where their gain stands, too. The rule itself is
cross-fitted: without fold k, it decides from the remaining folds alone.
"""

from dataclasses import replace

from core.bootstrap import Gain, paired_gain
from core.dice import Counts
from ensemble.counts import TrainingSet
from ensemble.lineup import Note, line_up
from ensemble.min_pixels import ranked_modes
from ensemble.ratios import shares_of
from ensemble.strategy import AUTO, RATIOS, RELIABLE_Z, Decision, FitOptions, Strategy, crossed

CANDIDATE = "greedy"  # what auto tries in place of equal weights
STACKER = "stack"  # what auto tries in place of weights
SHRINKAGE = (0.0, 0.25, 0.5, 0.75, 1.0)  # steps from equal to fitted weights


def scorable(options: FitOptions, folds: int) -> FitOptions:
    """The options that can be scored on so many folds.

    With two, what is scored on one is decided on the other alone, where nothing can earn its place: a decision on both
    would be reported with the Dice of another ensemble. So nothing is decided.
    """
    if folds != 2:
        return options
    method = "uniform" if options.method == AUTO else options.method
    min_pixels = "none" if options.min_pixels == AUTO else options.min_pixels
    return replace(options, method=method, min_pixels=min_pixels, prune=False)


def select(options: FitOptions, training: TrainingSet, note: Note = lambda decision: None) -> Strategy:
    """The strategy that the options comes to on this training set; with one fold nothing can earn its place."""
    shares = tuple(shares_of(options.ratios, training.counts.active.members)) if options.method == RATIOS else ()
    # Who was given no share cannot be left alone.
    able = training.among([member for member in training.members if not shares or shares[member] > 0])
    members = line_up(options, able, note)
    part = training.among(members)
    strategy = Strategy(members=None if members == training.members else members, shares=shares)
    if options.method not in (AUTO, RATIOS):
        strategy = replace(strategy, method=options.method)
    elif options.method == AUTO and len(part.folds) > 1 and part.size > 1:
        strategy = _earned_stacker(_earned_weights(strategy, part, note), part, note)
    if options.min_pixels != AUTO:
        return replace(strategy, mode=options.min_pixels)
    return _earned_mode(strategy, part, note) if len(part.folds) > 1 else strategy


def check_requested(options: FitOptions, strategy: Strategy, training: TrainingSet) -> list[Decision]:
    """Whether a method or a mode that the user named would have earned its place."""
    if len(training.folds) < 2:
        return []
    plain = replace(strategy, mode="none")
    equal = Strategy(members=strategy.members)
    asked = [
        ("weights", options.method, "uniform", options.method not in (AUTO, "uniform"), plain, equal),
        (
            "min-pixels",
            options.min_pixels,
            "none",
            options.min_pixels not in (AUTO, "none"),
            strategy,
            replace(strategy, mode="none"),
        ),
    ]
    if options.prune and strategy.members is not None:
        whole = select(replace(options, prune=False), training)
        asked.append(("pruning", "fewer members", "all members", True, strategy, whole))
    return [
        Decision(question, name, against, _gain(training, candidate, baseline), taken=True, asked=True)
        for question, name, against, was_named, candidate, baseline in asked
        if was_named
    ]


def _gain(training: TrainingSet, candidate: Strategy, baseline: Strategy) -> Gain:
    groups = training.counts.groups_of(training.folds)
    return paired_gain(crossed(training, candidate), crossed(training, baseline), groups)


def _earned_weights(strategy: Strategy, training: TrainingSet, note: Note) -> Strategy:
    steps = [replace(strategy, method=CANDIDATE, step=step) for step in SHRINKAGE]
    counts = [crossed(training, step) for step in steps]
    groups = training.counts.groups_of(training.folds)
    full = paired_gain(counts[-1], counts[0], groups)
    chosen = len(steps) - 1
    if full.z <= RELIABLE_Z:
        best = max(range(len(steps)), key=lambda index: Counts.of(counts[index]).dice)
        lost = [paired_gain(counts[best], one, groups) for one in counts]
        chosen = next(index for index, loss in enumerate(lost) if loss.value <= loss.error)
    taken = steps[chosen].step
    question = "weights" if taken in (0, 1) else f"weights, shrunk to {taken:.0%} of the way"
    note(Decision(question, CANDIDATE, "uniform", full, taken > 0))
    return steps[chosen] if taken else strategy


def _earned_stacker(strategy: Strategy, training: TrainingSet, note: Note) -> Strategy:
    stacked = replace(strategy, method=STACKER, step=1.0)
    gain = _gain(training, stacked, strategy)
    note(Decision("stacker", STACKER, strategy.method, gain, gain.z > RELIABLE_Z))
    return stacked if gain.z > RELIABLE_Z else strategy


def _earned_mode(strategy: Strategy, training: TrainingSet, note: Note) -> Strategy:
    groups, plain = training.counts.groups_of(training.folds), crossed(training, strategy)
    gains = {
        mode: paired_gain(crossed(training, replace(strategy, mode=mode)), plain, groups) for mode in ranked_modes()
    }
    mode = max(gains, key=lambda name: gains[name].value)
    earned = mode if gains[mode].z > RELIABLE_Z else "none"
    for name, gain in gains.items():
        note(Decision("min-pixels", name, "none", gain, name == earned))
    return replace(strategy, mode=earned)
