"""Scores of single members: the figures of a leaderboard.

In: members' out-of-fold maps, folds, masks. Out: a `MemberScore` per member, scored as `fit_active` scores a single
member: the best threshold of the other folds, global Dice, interval over scene groups. Stays outside: recipes, costs,
the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

from core.dice import Counts
from core.simultaneous import behind_best
from core.uncertainty import Estimate, dice_interval
from ensemble.active import Active
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.fitting import Scored, fit_deep_enough, score_choice
from ensemble.loading import ReadMask, out_of_fold
from ensemble.strategy import Strategy
from zoo.data import Folds
from zoo.predictions import MemberMaps


@dataclass(frozen=True, eq=False)
class MemberScore:
    """Dice of one member, cross-fitted if it has two folds, else in-sample."""

    member: MemberMaps
    scored: Scored
    counts: BlendCounts
    dice: Estimate

    @property
    def kind(self) -> str:
        """cross_fitted or in_sample."""
        return "cross_fitted" if self.scored.crossed else "in_sample"

    @property
    def threshold(self) -> float:
        """Threshold fitted on all its records, as a probability."""
        return self.scored.choice.threshold

    @property
    def per_fold(self) -> dict[int, float | None]:
        """Dice of each fold's records; None where they hold no positive pixel."""
        active = self.counts.active
        found = {
            int(fold): Counts.of(self.scored.counts[active.fold == number]) for number, fold in enumerate(active.folds)
        }
        return {fold: counts.dice if counts.truth else None for fold, counts in found.items()}

    @property
    def spread(self) -> float | None:
        """Standard deviation of the folds' Dice; None for a single one."""
        found = [dice for dice in self.per_fold.values() if dice is not None]
        return stdev(found) if len(found) > 1 else None

    @property
    def at_lowest_threshold(self) -> bool:
        """True if a threshold below the lowest candidate might score higher, on all folds or without one."""
        return self.counts.active.eps > 1 and any(map(self.counts.is_lowest, self.scored.choices))


def behind_first(scores: Sequence[MemberScore]) -> list[Estimate | None]:
    """Estimate the first score's Dice minus each one's, paired; None if they were scored on different records.

    scores: the highest Dice first. The intervals are simultaneous, which corrects for the selection of the first as the
    highest.
    """
    ids = [score.counts.active.record_ids for score in scores]
    compared = [score for score, own in zip(scores, ids) if own == ids[0]]
    found = iter(behind_best([score.scored.counts for score in compared], compared[0].counts.groups))
    return [next(found) if own == ids[0] else None for own in ids]


def score_member(
    member: MemberMaps,
    record_ids: Sequence[str],
    read_mask: ReadMask,
    folds: Folds,
    jobs: int | None = None,
) -> MemberScore:
    """Score one member on these records, which are in the order of their folds.

    As in a fit, lower pixels are read while the best threshold may be among them and memory suffices.
    """
    records = out_of_fold([member], record_ids, read_mask, folds)
    groups = [folds.group_of[record] for record in records.record_ids]

    def scored(active: Active) -> MemberScore:
        counts = BlendCounts(active, groups, jobs)
        choices = score_choice(member.name, TrainingSet(counts, counts.folds), Strategy(members=(0,)).choose)
        return MemberScore(member, choices, counts, dice_interval(choices.counts, counts.groups))

    return fit_deep_enough(records, scored, lambda score: [member.name] if score.at_lowest_threshold else [])
