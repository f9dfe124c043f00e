"""Fit an ensemble and say what it is worth.

In: active pixels, scene groups, a `Plan`. Out: a `Fit`: the choice, its counts in-sample and cross-fitted,
its rivals (every member, the best one, equal weights) counted the same way, and every decision with its
figures. Stays outside: files, names of recipes, the command line.

`auto` is a rule and not a method: fitted weights replace equal ones only where their cross-fitted paired gain
stands (z > 1), else they are shrunk to the smallest step towards them that lies within one standard error of
the best; min-pixels are taken only where their gain stands, too. The rule itself is cross-fitted: without
fold k, it decides from the remaining folds alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.bootstrap import Estimate, Gain, dice_difference, dice_interval, paired_gain
from core.dice import Counts
from core.errors import UserError
from ensemble.active import Active
from ensemble.blend import Blend, mixed_weights, table
from ensemble.crossfit import CrossFit, cross_fit
from ensemble.surface import check_mode
from ensemble.tally import Choice, Tally, Training
from ensemble.weights import METHODS

AUTO = "auto"
CANDIDATE = "greedy"  # what auto tries in place of equal weights
STANDS = 1.0  # z from which a gain counts
MIN_PIXELS = ("image", "component")  # what auto tries; a peak has to be asked for
SHRINKAGE = (0.0, 0.25, 0.5, 0.75, 1.0)  # steps from equal to fitted weights

Counts3 = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What the user asked for."""

    method: str = AUTO
    min_pixels: str = AUTO

    def __post_init__(self) -> None:
        if self.method != AUTO:
            METHODS.get(self.method)
        if self.min_pixels != AUTO:
            check_mode(self.min_pixels)


@dataclass(frozen=True)
class Policy:
    """A plan without `auto`: how a choice is made from a training set."""

    method: str = "uniform"
    step: float = 1.0  # from equal weights to the method's
    mode: str = "none"
    member: int | None = None  # this one alone, in place of a method

    def choose(self, training: Training) -> Choice:
        """Weights first, at the best threshold without min-pixels; then the cut for these weights."""
        blend = self._blend(training)
        return Choice(blend, training.cut(blend, self.mode)[0])

    def _blend(self, training: Training) -> Blend:
        if self.member is not None:
            return Training(training.tally, training.folds, [self.member]).blend([1.0])
        key = (self.method, training.folds, training.members)
        fitted = training.tally.once(key, lambda: METHODS.get(self.method)(training))
        if self.step == 1.0:
            return fitted
        equal = METHODS.get("uniform")(training)
        return Blend(mixed_weights(equal.weights, fitted.weights, self.step), fitted.table)


@dataclass(frozen=True)
class Decision:
    """One question that cross-fitting answered: does `candidate` gain over `baseline`?"""

    question: str
    candidate: str
    baseline: str
    gain: Gain
    taken: bool
    asked: bool = False  # the user named it, so it is taken whatever it gains

    @property
    def answer(self) -> str:
        """In words."""
        if self.asked:
            return "as asked, earned" if self.gain.z > STANDS else "as asked, not earned"
        if self.taken:
            return "taken"
        return "not earned" if self.gain.z <= STANDS else "another gains more"


@dataclass(frozen=True, eq=False)
class Scored:
    """Counts per record of one way to choose: in-sample, and cross-fitted where there are two folds."""

    name: str
    choice: Choice
    in_sample: Counts3
    crossed: CrossFit | None

    @property
    def counts(self) -> Counts3:
        """Cross-fitted where there are folds for it, else in-sample."""
        return self.in_sample if self.crossed is None else self.crossed.counts


@dataclass(frozen=True, eq=False)
class Fit:
    """The fitted choice and all that is reported of it."""

    plan: Plan
    policy: Policy
    tally: Tally
    result: Scored
    uniform: Scored
    best: Scored
    members: tuple[Scored, ...]
    decisions: tuple[Decision, ...]
    seed: int

    @property
    def active(self) -> Active:
        """The pixels that were fitted on."""
        return self.tally.active

    def estimate(self, counts: Counts3) -> Estimate:
        """Dice of counts per record with its interval over scene groups."""
        return dice_interval(counts, self.tally.groups, self.seed)

    def difference(self, rival: Scored) -> Estimate:
        """The result's Dice less a rival's, paired, both cross-fitted where possible."""
        return dice_difference(self.result.counts, rival.counts, self.tally.groups, self.seed)

    @property
    def group_count(self) -> int:
        """How many scene groups there are."""
        return len(np.unique(self.tally.groups))


def fit(
    active: Active,
    groups: Sequence[str] = (),
    plan: Plan | None = None,
    seed: int = 0,
    jobs: int = 1,
    advance: Callable[[int], None] = lambda n: None,
) -> Fit:
    """Fit weights, threshold and min-pixels as planned, and score them beside their rivals.

    groups: the scene group of every record of `active`; without any, each record is its own
    advance: is called with 1 after each of `stages(folds)` stages
    """
    plan = plan or Plan()
    tally = Tally(active, groups, jobs)
    _refuse_leaks(tally)
    everything = Training(tally, tally.folds)
    decisions: list[Decision] = []
    policy = decide(plan, everything, decisions.append)
    decisions += _judge_what_was_asked(plan, policy, everything)
    advance(1)
    result = _score("ensemble", everything, lambda training: decide(plan, training).choose(training), advance)
    rivals = [("uniform", Policy("uniform")), ("best", Policy("best"))]
    rivals += [(name, Policy(member=m)) for m, name in enumerate(active.members)]
    uniform, best, *members = [_score(name, everything, rival.choose) for name, rival in rivals]
    return Fit(plan, policy, tally, result, uniform, best, tuple(members), tuple(decisions), seed)


def stages(folds: int) -> int:
    """How often `fit` calls `advance`."""
    return 2 + (folds if folds > 1 else 0)


def decide(plan: Plan, training: Training, note: Callable[[Decision], None] = lambda decision: None) -> Policy:
    """The policy that the plan comes to on this training set; with one fold nothing can earn its place."""
    if plan.method != AUTO:
        policy = Policy(plan.method)
    elif len(training.folds) > 1 and training.size > 1:
        policy = _earned_weights(training, note)
    else:
        policy = Policy("uniform")
    if plan.min_pixels != AUTO:
        return replace(policy, mode=plan.min_pixels)
    return _earned_mode(policy, training, note) if len(training.folds) > 1 else policy


def _earned_weights(training: Training, note: Callable[[Decision], None]) -> Policy:
    steps = [Policy(CANDIDATE, step) for step in SHRINKAGE]
    counts = [cross_fit(training, policy.choose).counts for policy in steps]
    groups = training.tally.groups_of(training.folds)
    full = paired_gain(counts[-1], counts[0], groups)
    chosen = len(steps) - 1
    if full.z <= STANDS:
        best = max(range(len(steps)), key=lambda index: Counts.of(counts[index]).dice)
        lost = [paired_gain(counts[best], one, groups) for one in counts]
        chosen = next(index for index, loss in enumerate(lost) if loss.value <= loss.error)
    taken = steps[chosen].step
    question = "weights" if taken in (0, 1) else f"weights, shrunk to {taken:.0%} of the way"
    note(Decision(question, CANDIDATE, "uniform", full, taken > 0))
    return steps[chosen] if taken else Policy("uniform")


def _earned_mode(policy: Policy, training: Training, note: Callable[[Decision], None]) -> Policy:
    groups = training.tally.groups_of(training.folds)
    plain = cross_fit(training, policy.choose).counts
    gains = {
        mode: paired_gain(cross_fit(training, replace(policy, mode=mode).choose).counts, plain, groups)
        for mode in MIN_PIXELS
    }
    mode = max(gains, key=lambda name: gains[name].value)
    earned = mode if gains[mode].z > STANDS else "none"
    for name, gain in gains.items():
        note(Decision("min-pixels", name, "none", gain, name == earned))
    return replace(policy, mode=earned)


def _judge_what_was_asked(plan: Plan, policy: Policy, training: Training) -> list[Decision]:
    """Whether a method or a mode that the user named would have earned its place."""
    if len(training.folds) < 2:
        return []
    groups = training.tally.groups_of(training.folds)
    plain = replace(policy, mode="none")
    pairs = [
        ("weights", plan.method, plan.method not in (AUTO, "uniform"), plain, Policy("uniform")),
        ("min-pixels", plan.min_pixels, plan.min_pixels not in (AUTO, "none"), policy, plain),
    ]
    made = []
    for question, name, was_named, candidate, baseline in pairs:
        if was_named:
            first, second = (cross_fit(training, one.choose).counts for one in (candidate, baseline))
            gain = paired_gain(first, second, groups)
            against = "uniform" if question == "weights" else "none"
            made.append(Decision(question, name, against, gain, taken=True, asked=True))
    return made


def _score(
    name: str,
    training: Training,
    choose: Callable[[Training], Choice],
    advance: Callable[[int], None] = lambda n: None,
) -> Scored:
    def choose_and_tell(part: Training) -> Choice:
        choice = choose(part)
        advance(1)
        return choice

    choice = choose_and_tell(training)
    crossed = cross_fit(training, choose_and_tell) if len(training.folds) > 1 else None
    return Scored(name, choice, training.tally.records(choice), crossed)


def _refuse_leaks(tally: Tally) -> None:
    """A scene group in two folds would let the fit see what it is scored on."""
    pairs = np.unique(np.stack([tally.groups, tally.active.fold]), axis=1)
    groups, often = np.unique(pairs[0], return_counts=True)
    if (often > 1).any():
        group = groups[often > 1][0]
        record = tally.active.record_ids[int(np.flatnonzero(tally.groups == group)[0])]
        raise UserError(f"the scene group of record {record} is in two folds; make folds again: cli data folds")


def probability_of(choice: Choice) -> float:
    """The threshold as a probability."""
    by = table(choice.blend.table)
    return by.probability(choice.cut.bin << by.shift)


def peak_of(choice: Choice) -> float | None:
    """The second threshold as a probability, where the cut asks for a peak."""
    by = table(choice.blend.table)
    return by.probability(choice.cut.k << by.shift) if choice.cut.by_peak else None
