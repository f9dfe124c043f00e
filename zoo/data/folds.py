"""Folds: which record is in which fold, and the scene group that put it there; read from and written to folds.csv.

In: scenes, or a csv that a user may have written. Out: `Folds`, checked when made: no record twice, no scene
group in two folds, no fold without a record.
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.command import Command
from core.errors import Damaged, Unreadable, UserError
from core.files import read_text, sha256_of, sweep, write_text
from core.listener import SILENT, Listener
from core.locks import locked
from core.record_ids import KnownIds
from core.signing import DIGEST, changed
from core.words import counted
from zoo.data.groups import METADATA, PIXELS, UNKNOWN
from zoo.runs.store import Store

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("record_id", "fold", "group", "source", "split", "positives", "grouped_by")
NAMED = 5  # records that a message names


@dataclass(frozen=True)
class Assignment:
    """One row of folds.csv: a record and its fold.

    Only the first two are needed. group: the scene group, by default the record alone; positives: contrail pixels of
    the record's mask, None if not counted; grouped_by: "metadata", "pixels", "unknown", empty if not told.
    """

    record_id: str
    fold: int
    group: str = ""
    source: str = ""
    split: str = ""
    positives: int | None = None
    grouped_by: str = ""


@dataclass(frozen=True)
class Folds:
    """Split of records into folds 0, 1, ..., rows sorted by record id whatever the order they were given in.

    UserError for a record that is listed twice, a gap in the numbers of the folds, or a scene group in two folds.

    >>> folds = Folds((Assignment("a", 0), Assignment("c", 1, group="a2"), Assignment("b", 1, group="a2")))
    >>> folds
    Folds(records=3, folds=2)
    >>> folds.count, folds.records(1), folds.fold_of["a"]
    (2, ('b', 'c'), 0)
    >>> Folds((Assignment("b", 0, group="x"), Assignment("c", 1, group="x")))
    Traceback (most recent call last):
        ...
    core.errors.UserError: scene group x leaks: record b is in fold 0, record c in fold 1; put a group into one fold
    """

    rows: tuple[Assignment, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(sorted(self.rows, key=lambda row: row.record_id)))
        self._refuse_duplicates()
        self._refuse_gaps()
        self._refuse_leaks()

    def __repr__(self) -> str:
        return f"Folds(records={len(self.rows)}, folds={self.count})"

    @cached_property
    def fold_of(self) -> dict[str, int]:
        """Fold of each record id."""
        return {row.record_id: row.fold for row in self.rows}

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Scene group of each record id; a record without one is its own group."""
        return {row.record_id: row.group or row.record_id for row in self.rows}

    @cached_property
    def count(self) -> int:
        """Number of folds."""
        return 1 + max(row.fold for row in self.rows)

    @cached_property
    def sha256(self) -> str:
        """Hash of record ids and folds, on which runs depend: the same after a rename of a source or a group."""
        return sha256_of([[row.record_id, row.fold] for row in self.rows])

    @cached_property
    def ungrouped(self) -> tuple[str, ...]:
        """Records whose scene group is unknown, because they could not be compared with the others."""
        return tuple(row.record_id for row in self.rows if row.grouped_by == UNKNOWN)

    def records(self, fold: int) -> tuple[str, ...]:
        """Record ids of one fold, sorted; UserError if there is no such fold."""
        if not 0 <= fold < self.count:
            raise UserError(f"there is no fold {fold}; folds.csv holds folds 0 to {self.count - 1}")
        return tuple(row.record_id for row in self.rows if row.fold == fold)

    def require_grouped(self) -> None:
        """Raise a UserError if the scene group of any record is unknown: a near-duplicate may be in another fold."""
        if self.ungrouped:
            raise UserError(
                f"the scene group of {count_of(self.ungrouped)} is unknown, and near-duplicates may lie in two folds; "
                "fetch the bands or the metadata of these records again, or remove them, and split anew, or give "
                "--allow-ungrouped",
                Command("data folds", force=True),
            )

    def require(self, record_ids: Iterable[str]) -> None:
        """Raise a UserError if any of these labelled records is in no fold, or only under a changed id."""
        given = set(record_ids)
        missing = sorted(given - self.fold_of.keys())
        if not missing:
            return
        known = KnownIds.of(missing)
        for name in sorted(self.fold_of.keys() - given):
            if found := known.original(name):
                original, (what, todo) = found
                raise UserError(
                    f"{len(missing)} labelled records are in no fold: folds.csv holds {name} for {original}: "
                    f"{what}; {todo}"
                )
        raise UserError(
            f"{len(missing)} labelled records are in no fold, {missing[0]} first; name another --runs for "
            "these scenes, or make its folds again, after which older runs no longer count",
            Command("data folds", force=True),
        )

    def as_dict(self) -> dict[str, Any]:
        """Folds in numbers and the scene groups of more than one record, as a JSON object."""
        return {
            "sha256": self.sha256,
            "records": len(self.rows),
            "folds": [self._totals(fold) for fold in range(self.count)],
            "groups": self._large_groups(),
            "by_place_and_time": sum(row.grouped_by == METADATA for row in self.rows),
            "by_look": sum(row.grouped_by == PIXELS for row in self.rows),
            "ungrouped": list(self.ungrouped),
        }

    def to_frame(self) -> "pd.DataFrame":
        """Rows as a table with the columns of folds.csv; `positives` is a nullable integer.

        >>> Folds((Assignment("a", 0, positives=7), Assignment("b", 1))).to_frame()["positives"].tolist()
        [7, <NA>]
        """
        import pandas as pd

        rows = [asdict(row) | {"group": self.group_of[row.record_id]} for row in self.rows]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"positives": "Int64"})

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> "Folds":
        """Folds of a table with the columns record_id and fold, and any others of folds.csv.

        UserError for what a folds.csv would be refused for, such as ids that were read as numbers and rounded.
        """
        whole = {name: "Int64" for name in ("fold", "positives") if name in frame}
        try:
            text = frame.drop(columns=DIGEST, errors="ignore").astype(whole).to_csv(index=False)
        except (TypeError, ValueError) as error:
            raise UserError(f"the table's folds and positives are not integers ({error})") from error
        return cls(tuple(_rows(text)))

    def _totals(self, fold: int) -> dict[str, Any]:
        rows = [row for row in self.rows if row.fold == fold]
        counts = [row.positives or 0 for row in rows]
        return {
            "fold": fold,
            "records": len(rows),
            "groups": len({self.group_of[row.record_id] for row in rows}),
            "with_contrails": sum(count > 0 for count in counts),
            "contrail_pixels": sum(counts),
            "splits": dict(sorted(Counter(f"{row.source} {row.split}" for row in rows).items())),
        }

    def _large_groups(self) -> list[list[str]]:
        members: dict[str, list[str]] = {}
        for name, group in self.group_of.items():
            members.setdefault(group, []).append(name)
        return [names for names in members.values() if len(names) > 1]

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


def count_of(record_ids: Sequence[str]) -> str:
    """Number of records in words, with the first of them: "3 records (555, 556, 557)"."""
    named = ", ".join(record_ids[:NAMED]) + (", ..." if len(record_ids) > NAMED else "")
    return f"{counted(len(record_ids), 'record')} ({named})"


def write_folds(path: Path, folds: Folds) -> None:
    """Write folds.csv, atomically: the same bytes for the same folds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in folds.rows:
        positives = "" if row.positives is None else row.positives
        group = row.group or row.record_id
        writer.writerow((row.record_id, row.fold, group, row.source, row.split, positives, row.grouped_by))
    write_text(path, signed_folds(text.getvalue()))


def signed_folds(text: str) -> str:
    """Text of a folds.csv with all its columns and a last column with the digest of each row."""
    reader = csv.DictReader(io.StringIO(text))
    columns = [name for name in reader.fieldnames or () if name != DIGEST]
    signed = io.StringIO()
    writer = csv.writer(signed, lineterminator="\n")
    writer.writerow((*columns, DIGEST))
    for row in reader:
        cells = [row[name] or "" for name in columns]
        writer.writerow((*cells, _digest(zip(columns, cells))))
    return signed.getvalue()


def read_folds(path: str | PathLike[str]) -> Folds:
    """Read a folds.csv, the suite's or the user's own; UserError that names path and line."""
    path = Path(path)
    try:
        text = read_text(path)
    except Damaged as error:
        raise _unusable(path, "is not a readable csv file (other bytes than UTF-8 text)") from error
    except UserError as error:
        if not os.path.lexists(path):
            raise _unusable(path, "no such file") from error
        raise
    try:
        return Folds(tuple(_rows(text)))
    except csv.Error as error:
        raise _unusable(path, f"is not a readable csv file ({error})") from error
    except Damaged as error:
        raise changed(path, where=error.what) from error
    except UserError as error:
        raise UserError(f"{path}: {error.what}", error.do) from error


def split_again(path: Path, folds: int) -> tuple[str, Command]:
    """Words and command for bringing back the folds.csv of runs whose highest fold is `folds` - 1."""
    why = "the same scenes, seed and number of folds give the same folds, after which the runs count again"
    return why, Command("data folds", folds=folds, out=path, force=path.exists())


def kept_as(path: Path, sha256: str) -> Path:
    """Path beside a folds.csv at which a split with this hash is kept once another one replaces it."""
    return path.with_name(f"{path.stem}-{sha256[:12]}{path.suffix}")


def save_folds(path: Path, folds: Folds, force: bool = False, listener: Listener = SILENT) -> None:
    """Write folds.csv; UserError if that would replace another split or another file.

    force: replace it, and keep the other split beside it, named by its hash, for the runs that were trained on it.
    """
    with locked(path):
        if force:
            _set_aside(path, folds, listener)
        elif path.exists():
            _refuse_other(path, folds)
        write_folds(path, folds)


def _unusable(path: Path, what: str) -> UserError:
    """Error for a folds.csv that is missing or no csv file; beside runs, with the command that brings back their split.

    A file by another name is the user's own, which no command may replace.
    """
    store, there = Store(path.parent), path.exists()
    if path != store.folds:
        return UserError(f"{path}: {what}", None if there else Command("data folds", out=path))
    highest = store.highest_fold()
    if not highest:  # fold 0 alone does not tell how many there are
        return UserError(f"{path}: {what}", Command("data folds", out=path, force=there))
    why, again = split_again(path, highest + 1)
    return UserError(f"{path}: {what}; {why}", again)


def _refuse_other(path: Path, folds: Folds) -> None:
    advice = "choose another --out or --runs, or replace it with --force"
    try:
        same = read_folds(path).sha256 == folds.sha256
    except UserError as error:
        what = error.what.removeprefix(f"{path}: ").partition(";")[0]
        raise UserError(f"{path}: exists, and cannot be read as folds ({what}); {advice}") from error
    if not same:
        raise UserError(f"{path}: holds other folds, and what was trained on them would no longer count; {advice}")


def _set_aside(path: Path, folds: Folds, listener: Listener) -> None:
    try:
        old = read_folds(path)
    except Unreadable:  # it may be a split, which would be lost
        raise
    except UserError:  # none, or no split
        return
    if old.sha256 != folds.sha256:
        kept = kept_as(path, old.sha256)
        sweep(kept)
        write_text(kept, read_text(path))
        listener.note(f"the old split is kept as {kept}; what was trained on it does not count until that is back")


def _rows(text: str) -> Iterator[Assignment]:
    reader = csv.DictReader(io.StringIO(text))
    absent = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
    if absent:
        raise UserError(f"has no column {absent[0]}; a folds file needs record_id and fold")
    _refuse_misspelt(reader.fieldnames or ())
    for row in reader:
        line = f"line {reader.line_num}"
        if DIGEST in row and not _matches(row):
            raise Damaged(line)
        if None in row:
            raise UserError(f"{line} has more cells than the header; give each column a name")
        yield _row(line, row)


def _refuse_misspelt(columns: Sequence[str]) -> None:
    """UserError for a column that differs in one letter from an absent one, and would be dropped silently.

    Also for a column named by a number, as in a header without its line end.
    """
    for name in columns:
        if name.isdecimal():
            raise UserError(f'has a column "{name}"; write the header again')
        for known in {*COLUMNS, DIGEST}.difference(columns):
            if len(name) == len(known) and sum(a != b for a, b in zip(name, known)) == 1:
                raise UserError(f'has a column "{name}"; did you mean "{known}"?')


def _matches(row: Mapping[str, str | None]) -> bool:
    """True if a row has the digest of its other columns."""
    cells = [(name or "", text or "") for name, text in row.items() if name != DIGEST]
    return None not in row and row[DIGEST] == _digest(cells)


def _digest(row: Iterable[tuple[str, str]]) -> str:
    """Digest of the names and texts of a row's other columns; begins with a letter, so it is never read as a number."""
    return f"x{sha256_of(sorted(row))[:12]}"


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
    return Assignment(name, fold, given["group"], given["source"], given["split"], positives, given["grouped_by"])


def _whole(line: str, column: str, text: str) -> int | None:
    if text and not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise UserError(f'{line}: {column} "{text}" is not an integer; write it again')
    return int(text) if text else None
