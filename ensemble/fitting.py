"""Fit an ensemble and score it.

In: members' out-of-fold maps and masks, or active pixels and scene groups; `FitOptions`. Out: a `Fit`: the choice, its
counts in-sample and cross-fitted, its baselines (every member, the best one, equal weights) counted the same way, and
every decision with its figures. Stays outside: files, recipes, the command line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from core.dice import Counts
from core.listener import SILENT, Listener
from core.uncertainty import Estimate, dice_difference, dice_interval
from ensemble.active import EPS, Active
from ensemble.compiling import ensure_compiled
from ensemble.counts import BlendCounts, Choice, Counts3, TrainingSet
from ensemble.crossfit import CrossFit, cross_fit
from ensemble.out_of_fold import OutOfFold, gather, lower_eps
from ensemble.selection import check_requested, scorable, select
from ensemble.strategy import Decision, FitOptions, Strategy, cross_fitted_counts

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Scored:
    """Counts per record of one way to choose: in-sample, and cross-fitted if there are two folds."""

    name: str
    choice: Choice
    in_sample: Counts3
    crossed: CrossFit | None

    @property
    def counts(self) -> Counts3:
        """Cross-fitted counts if there are any, else in-sample."""
        return self.in_sample if self.crossed is None else self.crossed.counts

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Choice on all folds, and those without each fold."""
        return (self.choice, *(self.crossed.choices if self.crossed else ()))


@dataclass(frozen=True, eq=False)
class Fit:
    """Fitted choice with all that is reported about it.

    selection_cost: cross-fitted Dice of the selected strategy, as if the user had given it, minus that of the
    selection; None with fewer than two folds
    """

    options: FitOptions
    strategy: Strategy
    counts: BlendCounts
    result: Scored
    uniform: Scored
    best: Scored
    members: tuple[Scored, ...]
    decisions: tuple[Decision, ...]
    without: tuple[Strategy, ...]  # selected without each fold
    selection_cost: float | None

    @property
    def active(self) -> Active:
        """Pixels of the fit."""
        return self.counts.active

    def estimate(self, counts: Counts3) -> Estimate:
        """Estimate the Dice of counts per record, with its interval over scene groups."""
        return dice_interval(counts, self.counts.groups)

    def difference(self, baseline: Scored) -> Estimate:
        """Estimate the result's Dice minus a baseline's, paired, both cross-fitted if possible."""
        return dice_difference(self.result.counts, baseline.counts, self.counts.groups)

    @cached_property
    def gains(self) -> dict[str, Estimate]:
        """Differences to equal weights and to the best single member, by their names."""
        return {baseline.name: self.difference(baseline) for baseline in (self.uniform, self.best)}

    @cached_property
    def at_lowest_threshold(self) -> list[str]:
        """Names of members and baselines whose best threshold, on all folds or without one, may be below the lowest.

        A member that finds nothing has the lowest threshold, too: it counts only if the ensemble finds nothing either.
        """
        everyone = (self.result, self.uniform, self.best, *self.members)
        nothing = not self.result.in_sample[:, 0].any()
        lowest = [one for one in everyone if any(map(self.counts.is_lowest, one.choices))]
        names = [one.name for one in lowest if nothing or one.in_sample[:, 0].any()]
        return names if self.active.eps > 1 else []


def fit_records(
    records: OutOfFold,
    options: FitOptions | None = None,
    *,
    jobs: int | None = None,
    max_ram: float | None = None,
    listener: Listener = SILENT,
) -> Fit:
    """Read the active pixels of records and fit; repeat with lower pixels while a best threshold may lie among them.

    jobs: threads. max_ram: GB; the lowest pixels are left out first.
    Raises UserError if the pixels do not fit into `max_ram`, and as `fit_active`.
    """
    groups = [records.group_of[record] for record in records.record_ids]

    def fit(active: Active) -> Fit:
        return fit_active(active, groups, options, jobs, listener)

    return fit_deep_enough(records, fit, lambda result: result.at_lowest_threshold, max_ram, listener)


def fit_deep_enough(
    records: OutOfFold,
    fit: Callable[[Active], T],
    at_lowest: Callable[[T], Sequence[str]],
    max_ram: float | None = None,
    listener: Listener = SILENT,
) -> T:
    """Fit on active pixels; repeat with lower ones while a best threshold may be among them and memory suffices.

    at_lowest: result -> names of members or baselines whose best threshold is the lowest candidate
    """
    eps = EPS
    while True:
        with listener.task("reading predictions", len(records.record_ids)):
            active = gather(records, eps, max_ram, listener)
        result = fit(active)
        names = at_lowest(result)
        lower = lower_eps(active, eps, max_ram) if names else None
        if lower is None:
            return result
        what = f"the best threshold of {', '.join(names)} may be lower"
        listener.note(f"{what}; reading fainter pixels, from p = {lower / 255:.3f} on")
        eps = lower
        del active, result  # before more pixels are read


def fit_active(
    active: Active,
    groups: Sequence[str] = (),
    options: FitOptions | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> Fit:
    """Fit weights, threshold and min-pixels, and score them beside their baselines.

    groups: the scene group of every record of `active`; without them, each record is its own.
    A member with one value in all pixels gets no weight, unless there is no other.
    Raises UserError if a scene group is in two folds, if no pixel is positive, or if no member fits into the budget.
    """
    ensure_compiled(listener)
    counts = BlendCounts(active, groups, jobs)
    varied = [member for member in range(len(active.members)) if member not in active.constant]
    options = scorable(options or FitOptions(), len(counts.folds))
    everything = TrainingSet(counts, counts.folds, varied or None)
    decisions: list[Decision] = []
    with listener.task("fitting", len(counts.folds) + 2 if len(counts.folds) > 1 else 2):
        selected: list[Strategy] = []

        def choose(training: TrainingSet) -> Choice:
            noted = decisions if training is everything else []
            selected.append(select(options, training, noted.append))
            listener.advance()
            return selected[-1].choose(training)

        result = score_choice("ensemble", everything, choose)
        strategy, *without = selected
        decisions += check_requested(options, strategy, everything)
        listener.advance()
    baselines = [("uniform", Strategy("uniform")), ("best", Strategy("best"))]
    baselines += [(name, Strategy(members=(m,))) for m, name in enumerate(active.members)]
    uniform, best, *members = [score_choice(name, everything, one.choose) for name, one in baselines]
    fixed = Counts.of(cross_fitted_counts(everything, strategy)).dice
    cost = None if result.crossed is None else fixed - result.crossed.dice
    found = (uniform, best, tuple(members), tuple(decisions), tuple(without))
    return Fit(options, strategy, counts, result, *found, cost)


def score_choice(name: str, training: TrainingSet, choose: Callable[[TrainingSet], Choice]) -> Scored:
    """Score a way to choose: on all folds, and cross-fitted if there are two."""
    choice = choose(training)
    crossed = cross_fit(training, choose) if len(training.folds) > 1 else None
    return Scored(name, choice, training.counts.records(choice), crossed)
