"""Global Dice of a submission file against the truth, from the bytes that would be sent.

In: a sound file, truth by id, scene groups. Out: counts, Dice with its interval, each record's share of the
error, the paired difference of two files. Stays outside: where truth lies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.bootstrap import Estimate, dice_difference, dice_interval
from core.dice import Counts, count
from core.errors import UserError
from submissions.gate import read_submission
from submissions.report import Submission

Truth = Callable[[str], NDArray[np.bool_]]
FEW = 5  # scenes with contrails, below which a bootstrap over scenes has nothing to draw from


@dataclass(frozen=True, eq=False)
class Score:
    """Global Dice over the records that a file lists."""

    dice: Estimate
    counts: Counts
    ids: tuple[str, ...]  # sorted
    groups: tuple[str, ...]  # of scenes, one a record
    per_record: NDArray[np.int64]  # (n, 3) true positives, predicted, truth

    @property
    def records(self) -> int:
        return len(self.ids)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the Dice may say less than it seems to."""
        positive = int(np.count_nonzero(self.per_record[:, 2]))
        on = f"{self.records} record{'s' * (self.records != 1)}"
        if not self.counts.truth:
            wrong = f"all {self.counts.predicted:,} predicted pixels are wrong"
            verdict = wrong if self.counts.predicted else "an empty file is right, and Dice says nothing of skill"
            return (f"the labels hold no contrail pixel ({on}): {verdict}",)
        if positive < FEW:
            return (f"only {positive} of {on} hold{'s' * (positive == 1)} contrails: the interval means little",)
        return ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON; without contrails in the labels `dice` is 1 where nothing is predicted, else 0."""
        return {
            "dice": self.dice.value,
            "interval": [self.dice.low, self.dice.high],
            "records": self.records,
            "counts": self.counts.as_dict(),
        }

    def worst(self, most: int) -> list[tuple[str, Counts]]:
        """The records with the most wrong pixels, of those that have any."""
        tp, predicted, truth = self.per_record.T
        wrong = predicted + truth - 2 * tp
        order = np.argsort(-wrong, kind="stable")[:most]
        return [(self.ids[i], Counts.of(self.per_record[i : i + 1])) for i in order if wrong[i]]


@dataclass(frozen=True)
class Difference:
    """Dice of one file less that of another, on the records that both list."""

    dice: Estimate
    first: Counts
    second: Counts
    records: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "difference": self.dice.value,
            "interval": [self.dice.low, self.dice.high],
            "z": self.dice.z,
            "records": self.records,
            "dice": [self.first.dice, self.second.dice],
        }


def score_submission(
    path: Path,
    truth: Truth,
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
    advance: Callable[[int], None] = lambda done: None,
) -> Score:
    """Score every row of a file; `truth` gives a record's mask, (256, 256) bool.

    groups: scene group by id; a record that it lacks is its own group.
    Raises UserError where the gate rejects the file, and whatever `truth` raises for a record without label.
    """
    return score_read(read_submission(path), truth, groups, seed, advance)


def score_read(
    submission: Submission,
    truth: Truth,
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
    advance: Callable[[int], None] = lambda done: None,
) -> Score:
    """`score_submission` of a file that has been read."""
    ids = tuple(sorted(submission.ids))
    per_record = np.empty((len(ids), 3), np.int64)
    for i, record_id in enumerate(ids):
        per_record[i] = count(submission.mask(record_id)[None], truth(record_id)[None])[0]
        advance(1)
    names = tuple((groups or {}).get(each, each) for each in ids)
    dice = dice_interval(per_record, names, seed)
    return Score(dice, Counts.of(per_record), ids, names, per_record)


def compare_submissions(first: Score, second: Score, seed: int = 0) -> Difference:
    """The paired difference on the records that both files list; UserError where they share none."""
    shared = sorted(set(first.ids) & set(second.ids))
    if not shared:
        raise UserError("the two files share no record, so they cannot be compared; check their ids")
    where = [_rows(score, shared) for score in (first, second)]
    ours, theirs = first.per_record[where[0]], second.per_record[where[1]]
    names = [first.groups[i] for i in where[0]]
    estimate = dice_difference(ours, theirs, names, seed)
    return Difference(estimate, Counts.of(ours), Counts.of(theirs), len(shared))


def _rows(score: Score, ids: list[str]) -> list[int]:
    at = {record_id: i for i, record_id in enumerate(score.ids)}
    return [at[record_id] for record_id in ids]
