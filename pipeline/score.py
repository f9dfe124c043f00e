"""Check and score any submission file against scenes.

In: a file, scenes, scene groups. Out: a `Report`, or a score with what the file lacks. Stays outside: the rules of a
file and the Dice (`submissions`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.command import Command
from core.errors import UserError
from core.listener import SILENT, Listener
from submissions import Difference, Report, Score, compare, find_sample, read_submission
from submissions import check as check_submission
from submissions import score as score_submission
from submissions.lines import File
from zoo.data import Record, Scenes
from zoo.predictions.splits import OOF


@dataclass(frozen=True)
class Scored:
    """Score of a file, the number of missing labelled records, and its difference to another file."""

    score: Score
    missing: int  # of the labelled records, or of those of the split
    against: Difference | None = None

    def as_dict(self, worst: int = 5) -> dict[str, Any]:
        """Document for JSON; worst: how many of the records with the most wrong pixels."""
        document = self.score.as_dict() | {"missing": self.missing}
        document["worst"] = [{"record": name, **counts.as_dict()} for name, counts in self.score.worst(worst)]
        document["warnings"] = list(self.score.warnings)
        return document | ({"against": self.against.as_dict()} if self.against else {})


def check(file: File, scenes: Scenes | None = None, split: str | None = None, listener: Listener = SILENT) -> Report:
    """Check a file; its ids must be those of a split of the scenes, in the order of sample_submission.csv.

    split: train, validation, test, labelled, or oof: any of the labelled ones, as many as an ensemble was fitted on;
    None: test if the scenes have test records, else labelled. The order counts if the sample lists exactly these ids.
    Without scenes the file's form alone is checked. UserError if the scenes have no such records.
    """
    if scenes is None:
        listener.note("no scenes are named: the ids are not checked")
        return check_submission(file)
    is_test = split == "test" or (split is None and bool(scenes.test))
    records = _of_split(scenes, "test" if is_test else split or "labelled")
    expected = {record.id for record in records}
    sample = find_sample(source.root for source in scenes.sources)
    if is_test:
        note_other_ids(sample, expected, listener)
    report = check_submission(file, sorted(expected), sample, _splits_of(scenes), part=split == OOF)
    if split == OOF and report.rows < len(expected):
        listener.note(f"{report.file}: holds {report.rows} of {len(expected)} labelled records")
    labelled = {record.id for record in scenes.labelled}
    others = sum(fault.id in labelled for fault in report.faults)
    if is_test and others:
        what = f"{others} rows are of labelled records, as in an out-of-fold file"
        listener.note(what, Command("submissions check", report.file, split=OOF))
    return report


def score(
    file: File,
    scenes: Scenes,
    *,
    split: str | None = None,
    against: File | None = None,
    groups: Mapping[str, str] | None = None,
    listener: Listener = SILENT,
) -> Scored:
    """Score a file over the labelled records that it lists.

    split: demand all records of train, validation or labelled, and score them alone; oof: score those that the file
    lists. against: another file, for the paired difference. groups: scene group by id, for the interval. Raises
    UserError if the gate rejects a file, a record has no label, or one of the split is missing.
    """
    labelled = {record.id: record for record in _of_split(scenes, "labelled")}
    wanted = None if split in (None, OOF) else {record.id for record in _of_split(scenes, split)}

    tested = {record.id for record in scenes.test}

    def scored(each: File) -> tuple[Score, int]:
        found = read_submission(each)
        _refuse_unlabelled(found.file, [name for name in found.ids if name not in labelled])
        missing = sorted((labelled.keys() if wanted is None else wanted) - set(found.ids))
        if split is None and missing and not tested.issuperset(found.ids):
            listener.warn(f"{found.file} lacks {len(missing)} of {len(labelled)} labelled records")
        if wanted is not None:
            _refuse_missing(found.file, missing, split)
            if len(found.ids) > len(wanted):
                listener.note(f"{len(found.ids) - len(wanted)} rows of other splits are left out")
            found = found.only(wanted)
        return score_submission(found, lambda name: scenes.mask(labelled[name]), groups, listener), len(missing)

    first, lacking = scored(file)
    for line in first.warnings:
        listener.warn(line)
    return Scored(first, lacking, None if against is None else compare(first, scored(against)[0]))


def note_other_ids(sample: Collection[str] | None, test: Collection[str], listener: Listener) -> None:
    """Note that the order of sample_submission.csv does not count, because it lists other ids than the test records."""
    if sample and set(sample) != set(test):
        listener.note("sample_submission.csv lists other ids than test/ holds: its order does not count")


def _of_split(scenes: Scenes, split: str) -> tuple[Record, ...]:
    """Records of a split, or all labelled ones; UserError if there are none."""
    records = scenes.test if split == "test" else scenes.labelled
    found = tuple(record for record in records if split in ("test", "labelled", OOF, record.split))
    if not found:
        raise UserError(f"{scenes.where}: holds no {split} records; choose another --split or --data")
    return found


def _splits_of(scenes: Scenes) -> dict[str, str]:
    """Text of the splits that hold each id, which may be several."""
    splits: dict[str, str] = {}
    for record in scenes.records:
        before = splits.get(record.id)
        splits[record.id] = f"{before} and {record.split}" if before else record.split
    return splits


def _refuse_unlabelled(file: str, ids: Collection[str]) -> None:
    if ids:
        first, others = next(iter(ids)), f" and {len(ids) - 1} more have" if len(ids) > 1 else " has"
        raise UserError(f"{file}: record {first}{others} no label in --data; name the data that holds it")


def _refuse_missing(file: str, ids: Collection[str], split: str | None) -> None:
    if ids:
        first, others = next(iter(ids)), f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        raise UserError(
            f"{file}: record {first}{others} of {split} missing; write a row for each, or leave --split out"
        )
