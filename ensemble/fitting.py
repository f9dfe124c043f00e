"""Fit an ensemble and say what it is worth.

In: active pixels, scene groups, a `FitOptions`. Out: a `Fit`: the choice, its counts in-sample and cross-fitted,
its rivals (every member, the best one, equal weights) counted the same way, and every decision with its
figures. Stays outside: files, names of recipes, the command line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.bootstrap import Estimate, dice_difference, dice_interval
from core.errors import UserError
from ensemble.active import Active
from ensemble.counts import BlendCounts, Choice, Counts3, TrainingSet
from ensemble.crossfit import CrossFit, cross_fit
from ensemble.selection import check_requested, scorable, select
from ensemble.strategy import Decision, FitOptions, Strategy


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

    @property
    def choices(self) -> tuple[Choice, ...]:
        """That on everything and those without each fold."""
        return (self.choice, *(self.crossed.choices if self.crossed else ()))


@dataclass(frozen=True, eq=False)
class Fit:
    """The fitted choice and all that is reported of it."""

    options: FitOptions
    strategy: Strategy
    counts: BlendCounts
    result: Scored
    uniform: Scored
    best: Scored
    members: tuple[Scored, ...]
    decisions: tuple[Decision, ...]
    seed: int

    @property
    def active(self) -> Active:
        """The pixels that were fitted on."""
        return self.counts.active

    def estimate(self, counts: Counts3) -> Estimate:
        """Dice of counts per record with its interval over scene groups."""
        return dice_interval(counts, self.counts.groups, self.seed)

    def difference(self, rival: Scored) -> Estimate:
        """The result's Dice less a rival's, paired, both cross-fitted where possible."""
        return dice_difference(self.result.counts, rival.counts, self.counts.groups, self.seed)

    @cached_property
    def gains(self) -> dict[str, Estimate]:
        """The differences to equal weights and to the best single member, by their names; drawn once."""
        return {rival.name: self.difference(rival) for rival in (self.uniform, self.best)}

    @property
    def group_count(self) -> int:
        """How many scene groups there are."""
        return len(np.unique(self.counts.groups))


def fit(
    active: Active,
    groups: Sequence[str] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    jobs: int = 1,
    advance: Callable[[int], None] = lambda n: None,
) -> Fit:
    """Fit weights, threshold and min-pixels as planned, and score them beside their rivals.

    groups: the scene group of every record of `active`; without any, each record is its own
    advance: is called with 1 after each of `stages(folds)` stages
    """
    counts = BlendCounts(active, groups, jobs)
    options = scorable(options or FitOptions(), len(counts.folds))
    refuse_leaks(counts)
    everything = TrainingSet(counts, counts.folds)
    decisions: list[Decision] = []
    strategy = select(options, everything, decisions.append)
    decisions += check_requested(options, strategy, everything)
    advance(1)
    result = score_choice("ensemble", everything, lambda training: select(options, training).choose(training), advance)
    rivals = [("uniform", Strategy("uniform")), ("best", Strategy("best"))]
    rivals += [(name, Strategy(members=(m,))) for m, name in enumerate(active.members)]
    uniform, best, *members = [score_choice(name, everything, rival.choose) for name, rival in rivals]
    return Fit(options, strategy, counts, result, uniform, best, tuple(members), tuple(decisions), seed)


def stages(folds: int) -> int:
    """How often `fit` calls `advance`."""
    return 2 + (folds if folds > 1 else 0)


def score_choice(
    name: str,
    training: TrainingSet,
    choose: Callable[[TrainingSet], Choice],
    advance: Callable[[int], None] = lambda n: None,
) -> Scored:
    """What a way to choose is worth: chosen on everything, and anew without each fold; `advance` is told of each."""

    def choose_and_tell(part: TrainingSet) -> Choice:
        choice = choose(part)
        advance(1)
        return choice

    choice = choose_and_tell(training)
    crossed = cross_fit(training, choose_and_tell) if len(training.folds) > 1 else None
    return Scored(name, choice, training.counts.records(choice), crossed)


def refuse_leaks(counts: BlendCounts) -> None:
    """A scene group in two folds would let the fit see what it is scored on."""
    pairs = np.unique(np.stack([counts.groups, counts.active.fold]), axis=1)
    groups, often = np.unique(pairs[0], return_counts=True)
    if (often > 1).any():
        group = groups[often > 1][0]
        record = counts.active.record_ids[int(np.flatnonzero(counts.groups == group)[0])]
        raise UserError(f"the scene group of record {record} is in two folds; make folds again: cli data folds")
