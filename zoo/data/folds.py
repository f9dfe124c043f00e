"""Which record is in which fold, and the scene group that put it there.

In: scenes, or a csv that a user may have written. Out: `Folds`, checked at birth: no record twice, no scene
group in two folds, no fold without a record.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

from core.errors import UserError
from core.files import sha256_of, write_text

COLUMNS = ("record_id", "fold", "group", "source", "split", "positives")


@dataclass(frozen=True)
class Assignment:
    """One row of folds.csv. Only the first two columns are needed; a group of its own is the record's id."""

    record_id: str
    fold: int
    group: str = ""
    source: str = ""
    split: str = ""
    positives: int | None = None


@dataclass(frozen=True)
class Folds:
    """Rows sorted by record id, whatever the order they were given in."""

    rows: tuple[Assignment, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(sorted(self.rows, key=lambda row: row.record_id)))
        self._refuse_duplicates()
        self._refuse_gaps()
        self._refuse_leaks()

    @cached_property
    def fold_of(self) -> dict[str, int]:
        """The fold of each record id."""
        return {row.record_id: row.fold for row in self.rows}

    @cached_property
    def group_of(self) -> dict[str, str]:
        """The scene group of each record id; a record without one is its own group."""
        return {row.record_id: row.group or row.record_id for row in self.rows}

    @cached_property
    def count(self) -> int:
        """How many folds there are; they are numbered from 0."""
        return 1 + max(row.fold for row in self.rows)

    @cached_property
    def sha256(self) -> str:
        """Of what a run depends on, record ids and folds: the same after a rename of a source or a group."""
        return sha256_of([[row.record_id, row.fold] for row in self.rows])

    def records(self, fold: int) -> tuple[str, ...]:
        """The ids of one fold, sorted; UserError where there is no such fold."""
        if not 0 <= fold < self.count:
            raise UserError(f"there is no fold {fold}; folds.csv holds folds 0 to {self.count - 1}")
        return tuple(row.record_id for row in self.rows if row.fold == fold)

    def require(self, record_ids: Iterable[str]) -> None:
        """UserError where any of these labelled records is in no fold."""
        missing = sorted(set(record_ids) - self.fold_of.keys())
        if missing:
            raise UserError(
                f"{len(missing)} labelled records are in no fold, {missing[0]} first; name another --runs for "
                "these scenes, or make its folds anew: cli data folds --force (older runs then count no more)"
            )

    def _refuse_duplicates(self) -> None:
        if not self.rows:
            raise UserError("there is no record in any fold; give labelled records")
        twice = [name for name, often in Counter(row.record_id for row in self.rows).items() if often > 1]
        if twice:
            raise UserError(f"record {twice[0]} is listed twice; keep one row a record")

    def _refuse_gaps(self) -> None:
        folds = {row.fold for row in self.rows}
        if min(folds) < 0 or len(folds) < 2 or len(folds) != self.count:
            numbers = ", ".join(map(str, sorted(folds)))
            raise UserError(f"the folds are {numbers}; number them 0, 1, ... without a gap, two or more")

    def _refuse_leaks(self) -> None:
        first: dict[str, Assignment] = {}
        for row in self.rows:
            other = first.setdefault(self.group_of[row.record_id], row)
            if other.fold != row.fold:
                raise UserError(
                    f"scene group {self.group_of[row.record_id]} leaks: record {other.record_id} is in fold "
                    f"{other.fold}, record {row.record_id} in fold {row.fold}; put a group into one fold"
                )


def write_folds(path: Path, folds: Folds) -> None:
    """Write folds.csv, atomically: the same bytes for the same folds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in folds.rows:
        positives = "" if row.positives is None else row.positives
        writer.writerow((row.record_id, row.fold, row.group or row.record_id, row.source, row.split, positives))
    write_text(path, text.getvalue())


def read_folds(path: Path) -> Folds:
    """Read a folds.csv, the suite's or the user's own; UserError that names path and line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; make it: cli data folds --out {quote(str(path))}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no readable csv ({error}); make it again: cli data folds") from error
    try:
        return Folds(tuple(_rows(text)))
    except csv.Error as error:
        raise UserError(f"{path}: is no readable csv ({error}); make it again: cli data folds") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _rows(text: str) -> Iterator[Assignment]:
    reader = csv.DictReader(io.StringIO(text))
    absent = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
    if absent:
        raise UserError(f"has no column {absent[0]}; a folds file needs record_id and fold")
    for row in reader:
        yield _row(f"line {reader.line_num}", row)


def _row(line: str, row: Mapping[str, str | None]) -> Assignment:
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    name = given["record_id"]
    if not name:
        raise UserError(f"{line} names no record; give a record_id or delete the line")
    if "e+" in name.lower():
        raise UserError(f"{line} holds the record id {name}, rounded by a spreadsheet; write ids as text")
    fold, positives = (_whole(line, column, given[column]) for column in ("fold", "positives"))
    if fold is None:
        raise UserError(f"{line} (record {name}) names no fold; give a number")
    return Assignment(name, fold, given["group"], given["source"], given["split"], positives)


def _whole(line: str, column: str, text: str) -> int | None:
    if text and not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise UserError(f'{line}: {column} "{text}" is no whole number; write it again')
    return int(text) if text else None
