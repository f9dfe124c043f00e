"""Global Dice of a submission file against the truth, from the bytes that would be sent.

In: a submission, truth by id, scene groups. Out: counts, Dice with its interval, the records with the most wrong
pixels, the paired difference of two submissions. Stays outside: where truth is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts, count, global_dice
from core.errors import UserError
from core.listener import SILENT, Listener
from core.uncertainty import Estimate, dice_difference, dice_interval, interval_text
from core.words import counted
from submissions.gate import read_submission
from submissions.lines import File
from submissions.report import Submission
from submissions.rle import SHAPE, Mask

if TYPE_CHECKING:
    from pandas import DataFrame

FEW = 5  # scenes with contrails: fewer are too few to draw from


@dataclass(frozen=True, eq=False)
class Score:
    """Global Dice of a submission over its records, with the counts that it comes from."""

    dice: Estimate
    counts: Counts
    ids: tuple[str, ...]  # sorted
    groups: tuple[str, ...]  # scene group of each record
    per_record: NDArray[np.int64]  # (n, 3) true positives, predicted, truth

    def __repr__(self) -> str:
        dice = f"dice={self.dice.value:.5f} {interval_text(self.dice.interval)}" if self.counts.truth else "no Dice"
        return f"Score({dice}, records={self.records})"

    @property
    def records(self) -> int:
        """Number of records."""
        return len(self.ids)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons why the Dice may mean little."""
        positive = int(np.count_nonzero(self.per_record[:, 2]))
        on = counted(self.records, "record")
        if not self.counts.truth:
            wrong = f"all {self.counts.predicted:,} predicted pixels are wrong"
            verdict = wrong if self.counts.predicted else "an empty file is right, and Dice says nothing of skill"
            return (f"the labels hold no contrail pixel ({on}): {verdict}",)
        if positive < FEW:
            return (f"only {positive} of {on} hold{'s' * (positive == 1)} contrails: the interval means little",)
        return (self.dice.caution,) if self.dice.caution else ()

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON; without contrails in the labels `dice` is 1 if nothing is predicted, else 0."""
        return {
            "dice": self.dice.value,
            "interval": self.dice.bounds,
            "records": self.records,
            "groups": self.dice.groups,
            "effective_groups": self.dice.effective_groups,
            "counts": self.counts.as_dict(),
        }

    def worst(self, most: int) -> list[tuple[str, Counts]]:
        """Records with the most wrong pixels, in descending order, at most this many."""
        tp, predicted, truth = self.per_record.T
        wrong = predicted + truth - 2 * tp
        order = np.argsort(-wrong, kind="stable")[:most]
        return [(self.ids[i], Counts.of(self.per_record[i : i + 1])) for i in order if wrong[i]]

    def to_frame(self) -> DataFrame:
        """DataFrame with one row per record: record_id, group, tp, predicted, truth (pixels), dice."""
        from pandas import DataFrame

        tp, predicted, truth = self.per_record.T
        dice = global_dice(tp, predicted + truth)
        columns = {"tp": tp, "predicted": predicted, "truth": truth, "dice": dice}
        return DataFrame({"record_id": self.ids, "group": self.groups, **columns})


@dataclass(frozen=True)
class Difference:
    """Dice of one submission minus that of another, on the records that both list."""

    dice: Estimate
    first: Counts
    second: Counts
    records: int

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {
            "difference": self.dice.value,
            "interval": self.dice.bounds,
            "z": self.dice.z,
            "records": self.records,
            "groups": self.dice.groups,
            "effective_groups": self.dice.effective_groups,
            "dice": [self.first.dice, self.second.dice],
        }


def score(
    file: File | Submission,
    truth: Mapping[str, Mask] | Callable[[str], Mask],
    groups: Mapping[str, str] | None = None,
    listener: Listener = SILENT,
) -> Score:
    """Score every row of a submission: global Dice and its 95 % interval over scene groups.

    file: as `check` takes it, or what `read_submission` gave. truth: masks (256, 256) bool by id, or a function that
    gives a record's. groups: scene group by id; a record without one is its own group. Without a contrail pixel in the
    truth there is no Dice: its value is 1 if nothing is predicted, else 0, and `Score.warnings` says so.
    Raises UserError if the gate rejects the file or a record has no truth.

    >>> import numpy as np
    >>> truth = np.zeros((256, 256), bool)
    >>> truth[:4, 0] = True
    >>> score(b"record_id,encoded_pixels\\n7,1 2\\n", {"7": truth}).counts
    Counts(tp=2, predicted=2, truth=4)
    """
    submission = file if isinstance(file, Submission) else read_submission(file)
    ids = tuple(sorted(submission.ids))
    per_record = np.empty((len(ids), 3), np.int64)
    with listener.task(f"score {submission.file}", len(ids)):
        for i, record_id in enumerate(ids):
            mask = _truth(submission, truth, record_id)
            per_record[i] = count(submission.mask(record_id)[None], mask[None])[0]
            listener.advance()
    names = tuple((groups or {}).get(each, each) for each in ids)
    dice = dice_interval(per_record, names)
    return Score(dice, Counts.of(per_record), ids, names, per_record)


def compare(first: Score, second: Score) -> Difference:
    """Paired difference of two scores on the records that both list; UserError if they share none."""
    shared = sorted(set(first.ids) & set(second.ids))
    if not shared:
        raise UserError("the two files share no record, so they cannot be compared; check their ids")
    ours, theirs = (_counts_of(each, shared) for each in (first, second))
    group_of = dict(zip(first.ids, first.groups))
    estimate = dice_difference(ours, theirs, [group_of[each] for each in shared])
    return Difference(estimate, Counts.of(ours), Counts.of(theirs), len(shared))


def _truth(submission: Submission, truth: Mapping[str, Mask] | Callable[[str], Mask], record_id: str) -> Mask:
    if isinstance(truth, Mapping) and record_id not in truth:
        raise UserError(f"{submission.file}: record {record_id} has no truth; give a mask for each record")
    mask = np.asarray(truth[record_id] if isinstance(truth, Mapping) else truth(record_id), bool)
    if mask.shape != SHAPE:
        raise UserError(f"record {record_id}: truth of shape {mask.shape}; must be {SHAPE}")
    return mask


def _counts_of(score: Score, ids: Sequence[str]) -> NDArray[np.int64]:
    row = {record_id: i for i, record_id in enumerate(score.ids)}
    return score.per_record[[row[record_id] for record_id in ids]]
