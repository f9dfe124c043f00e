"""Past scores from a csv into the ledger: a log that was kept by hand.

In: a csv with a header of COLUMNS, in any order; `name` and one score are enough. Out: entries, one a row.
Stays outside: what the scores mean.
"""

import csv
from pathlib import Path

from core.errors import UnknownName, UserError
from submissions.ledger import Entry, Sent, append, read_ledger

COLUMNS = ("name", "when", "local", "low", "high", "records", "public", "private", "share", "note")
UNKNOWN = "unknown"  # when a past submission was made, where the csv does not say
SCORES = ("local", "public", "private")


def import_past(ledger: Path, table: Path) -> tuple[Entry, ...]:
    """Append every row that the ledger lacks; the entries that are new.

    All rows are read before the first is written. UserError, with the line, where one cannot be.
    """
    rows = _read(table)
    known = len(read_ledger(ledger).entries)
    entries = [append(ledger, sent, public, private) for sent, public, private in rows]
    return tuple(entry for entry in entries if entry.number > known)


def _read(table: Path) -> list[tuple[Sent, float | None, float | None]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(table, reader.fieldnames or ())
            return [_row(f"{table}: line {reader.line_num}", row) for row in reader]
    except FileNotFoundError as error:
        raise UserError(f"{table}: no such file; name a csv of past scores") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: is no readable csv ({error}); save it as UTF-8 csv") from error


def _check_columns(table: Path, columns: object) -> None:
    names = list(columns) if isinstance(columns, (list, tuple)) else []
    for name in names:
        if name not in COLUMNS:
            raise UnknownName("column", name, COLUMNS, str(table))
    if "name" not in names or not set(SCORES) & set(names):
        raise UserError(f"{table}: needs a column name and one of {', '.join(SCORES)}; add a header")


def _row(where: str, row: dict[str, str | None]) -> tuple[Sent, float | None, float | None]:
    words = {name: (row.get(name) or "").strip() for name in COLUMNS}
    numbers = {name: _number(where, name, words[name]) for name in (*SCORES, "low", "high", "share")}
    low, high, records = numbers["low"], numbers["high"], _number(where, "records", words["records"])
    try:
        sent = Sent(
            name=words["name"],
            when=words["when"] or UNKNOWN,
            local=numbers["local"],
            interval=(low, high) if low is not None and high is not None else None,
            records=None if records is None else int(records),
            share=numbers["share"],
            note=words["note"],
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return sent, numbers["public"], numbers["private"]


def _number(where: str, name: str, text: str) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError as error:
        raise UserError(f"{where}: {name} {text!r} is no number; write it like 0.638, or nothing") from error
    if value is not None and name in ("public", "private") and not 0 <= value <= 1:
        raise UserError(f"{where}: {name} {text}: a Dice lies between 0 and 1; write it like 0.638")
    return value
