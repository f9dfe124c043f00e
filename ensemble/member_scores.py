"""What each member is worth on its own: the figures of a leaderboard.

In: members' out-of-fold maps, folds, masks. Out: a `MemberScore` a member, scored as `fit` scores a single member: the
best threshold of the other folds, global Dice, interval over scene groups. Stays outside: recipes, costs, the command
line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import stdev

from core.bootstrap import Estimate, dice_difference, dice_interval
from core.dice import Counts
from ensemble.active import EPS
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.fitting import Scored, refuse_leaks, score_choice
from ensemble.loading import LOW_RAM, ReadMask, gather, lower_eps, pixels_in
from ensemble.strategy import Strategy
from zoo.data import Folds
from zoo.predictions import MemberMaps


@dataclass(frozen=True, eq=False)
class MemberScore:
    """One member's Dice, cross-fitted where it has two folds, else in-sample."""

    member: MemberMaps
    scored: Scored
    counts: BlendCounts
    dice: Estimate

    @property
    def kind(self) -> str:
        return "cross_fitted" if self.scored.crossed else "in_sample"

    @property
    def threshold(self) -> float:
        """Fitted on all its records, as a probability."""
        return self.scored.choice.threshold

    @property
    def per_fold(self) -> dict[int, float]:
        """Dice of each fold's records."""
        active = self.counts.active
        return {
            int(fold): Counts.of(self.scored.counts[active.fold == number]).dice
            for number, fold in enumerate(active.folds)
        }

    @property
    def spread(self) -> float | None:
        """Standard deviation of the folds' Dice; None for a single fold."""
        found = list(self.per_fold.values())
        return stdev(found) if len(found) > 1 else None

    @property
    def at_the_floor(self) -> bool:
        """Whether it might be better at a lower threshold than those looked at, on everything or without a fold."""
        return self.counts.active.eps > 1 and any(map(self.counts.is_lowest, self.scored.choices))

    def behind(self, first: MemberScore, seed: int) -> Estimate | None:
        """The first's Dice less this one's, paired; None where they were not scored on the same records."""
        if self.counts.active.record_ids != first.counts.active.record_ids:
            return None
        return dice_difference(first.scored.counts, self.scored.counts, self.counts.groups, seed)


def score_member(
    member: MemberMaps,
    record_ids: Sequence[str],
    read_mask: ReadMask,
    folds: Folds,
    seed: int = 0,
    jobs: int = 1,
    advance: Callable[[int], None] = lambda n: None,
) -> MemberScore:
    """Score one member on these records, which stand fold by fold; `advance` is told of records.

    As a fit does, it looks at lower pixels as long as a threshold lies at the lowest, and memory allows.
    """
    eps = EPS
    score = _stand(member, record_ids, read_mask, folds, seed, jobs, eps, None, advance)
    while score.at_the_floor and (lower := lower_eps(score.counts.active, eps)):
        eps = lower
        score = _stand(member, record_ids, read_mask, folds, seed, jobs, eps, pixels_in(LOW_RAM, 1))
    return score


def _stand(
    member: MemberMaps,
    record_ids: Sequence[str],
    read_mask: ReadMask,
    folds: Folds,
    seed: int,
    jobs: int,
    eps: int,
    most: int | None,
    advance: Callable[[int], None] = lambda n: None,
) -> MemberScore:
    active = gather([member], record_ids, read_mask, folds, eps, most, advance)
    counts = BlendCounts(active, [folds.group_of[record] for record in active.record_ids], jobs)
    refuse_leaks(counts)
    scored = score_choice(member.name, TrainingSet(counts, counts.folds), Strategy(members=(0,)).choose)
    return MemberScore(member, scored, counts, dice_interval(scored.counts, counts.groups, seed))
