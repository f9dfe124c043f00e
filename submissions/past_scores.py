"""Import of past scores, from a log kept by hand, into the ledger.

In: a csv or DataFrame with any of COLUMNS; `name` and one score are required. Out: entries, one per row.
Stays outside: statistics of the scores.
"""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from core.errors import UnknownName, UserError
from core.files import read_text
from submissions.ledger import Entry, Sent, append, given_scores, read_ledger
from submissions.lines import Table, name_of

COLUMNS = ("name", "when", "local", "low", "high", "records", "public", "private", "share", "note")
UNKNOWN = "unknown"  # time of a past submission, if the table has none
SCORES = ("local", "public", "private")


def import_scores(ledger: Path, table: Path | Table) -> tuple[Entry, ...]:
    """Append the rows that are not in the ledger; returns the new entries.

    All rows are read before the first is written. Raises UserError, with the line, if one cannot be read.
    """
    rows = _read(table)
    known = {entry.number for entry in read_ledger(ledger).entries}
    entries = [append(ledger, sent, public, private) for sent, public, private in rows]
    return tuple(entry for entry in entries if entry.number not in known)


def _read(table: Path | Table) -> list[tuple[Sent, float | None, float | None]]:
    name = name_of(table)
    try:
        text = read_text(table) if isinstance(table, Path) else table.to_csv(index=False)
        reader = csv.DictReader(io.StringIO(text, newline=""))
        _check_columns(name, reader.fieldnames or ())
        return [_row(f"{name}: line {reader.line_num}", row) for row in reader]
    except csv.Error as error:
        raise UserError(f"{name}: is not a readable csv file ({error}); save it as UTF-8 csv") from error


def _check_columns(table: str, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in COLUMNS:
            raise UnknownName("column", name, COLUMNS, table)
        if list(columns).count(name) > 1:
            raise UserError(f"{table}: has two columns {name}; keep one")
    if "name" not in columns or not set(SCORES) & set(columns):
        raise UserError(f"{table}: needs a column name and one of {', '.join(SCORES)}; add a header")


def _row(where: str, row: dict[str, str | None]) -> tuple[Sent, float | None, float | None]:
    if None in row:  # the cells behind those of the header
        raise UserError(f"{where}: has more cells than the header; write decimals with a point, or put text in quotes")
    words = {name: (row.get(name) or "").strip() for name in COLUMNS}
    numbers = {name: _number(where, name, words[name]) for name in (*SCORES, "low", "high", "share", "records")}
    low, high, share, records = (numbers[name] for name in ("low", "high", "share", "records"))
    if (low is None) != (high is None) or (low is not None and high is not None and low > high):
        raise UserError(f"{where}: the interval {words['low'] or '?'} to {words['high'] or '?'} is invalid; correct it")
    if records is not None and not (records >= 0 and records.is_integer()):
        raise UserError(f"{where}: records {words['records']} is not a number of records; write an integer >= 0")
    if share is not None and not 0 <= share <= 1:
        raise UserError(f"{where}: share {words['share']} is not between 0 and 1; correct it")
    try:
        sent = Sent(
            name=words["name"],
            when=words["when"] or UNKNOWN,
            local=numbers["local"],
            interval=(low, high) if low is not None and high is not None else None,
            records=None if records is None else int(records),
            share=share,
            note=words["note"],
        )
        given_scores(numbers["public"], numbers["private"])
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return sent, numbers["public"], numbers["private"]


def _number(where: str, name: str, text: str) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise UserError(f"{where}: {name} {text!r} is not a number; write it like 0.638, or nothing")
    return number
