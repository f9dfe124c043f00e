"""Section of the report: the ledger, with the intervals of boards of the competition's sizes."""

from __future__ import annotations

from collections.abc import Sequence

from core.command import Command
from core.errors import UserError
from core.uncertainty import interval_of_size
from ensemble import Ensemble
from pipeline import columns as words
from pipeline.report.asked import Asked
from pipeline.report.cells import dice, share, word
from submissions.correlation import correlate
from submissions.kaggle import BOARD_RECORDS
from submissions.ledger import Entry
from webpage import Cell, Column, Table, Text
from webpage.blocks import Block

Known = tuple[float, Sequence[float], int]  # a Dice, its interval, its records


def blocks(asked: Asked) -> list[Block]:
    """Tabulate the submissions; UserError if there are none."""
    entries = asked.ledger.entries
    if not entries:
        raise UserError("nothing is submitted yet", Command("submit", out="submission.csv", ensemble=asked.named))
    fallback = _of_ensemble(asked)
    columns = [
        Column(words.NUMBER),
        Column(words.NAME, numeric=False),
        Column(words.WHEN, numeric=False),
        Column(words.MEMBERS, numeric=False),
        Column(f"{words.LOCAL} {words.DICE}", draw="range", axis="dice"),
        *(Column(f"{board}, {size:,} records", draw="range", axis="dice") for board, size in BOARD_RECORDS.items()),
        Column(words.OF_PIXELS),
        Column(words.NOTE, numeric=False),
    ]
    rows = [_cells(entry, fallback) for entry in entries]
    note = (
        f"The interval of a board's score is that of {BOARD_RECORDS['public']} public or {BOARD_RECORDS['private']:,} "
        "private records, from the error of the local Dice. Submissions are scored on the same records, so the "
        "difference of two is more certain than their intervals suggest; a score chosen as the highest is too high."
    )
    found: list[Block] = [Table("Submissions, local and on the boards", columns, rows, note)]
    return [*found, *(Text(line) for board in BOARD_RECORDS for line in _correlation(entries, board))]


def _of_ensemble(asked: Asked) -> Known | None:
    """Dice of the fitted ensemble, for entries that have no interval of their own."""
    try:
        ensemble: Ensemble = asked.ensemble
    except UserError:
        return None
    own = ensemble.figures.get("dice", {})
    value = own.get("cross_fitted") or own.get("in_sample")
    return (value, own["interval"], len(ensemble.record_ids)) if value and own.get("interval") else None


def _cells(entry: Entry, fallback: Known | None) -> list[Cell]:
    sent = entry.sent
    known = fallback
    if sent.local is not None and sent.interval is not None and sent.records:
        known = (sent.local, sent.interval, sent.records)
    return [
        Cell(str(entry.number), float(entry.number)),
        Cell(sent.name),
        word(sent.when[:16].replace("T", " ")),
        word(", ".join(sent.members)),
        dice(sent.local, sent.interval),
        *(_on_board(getattr(entry, board), known, size) for board, size in BOARD_RECORDS.items()),
        share(sent.share),
        word(sent.note),
    ]


def _on_board(score: float | None, known: Known | None, size: int) -> Cell:
    if score is None or known is None:
        return dice(score, None)
    return dice(score, interval_of_size(score, *known, size))


def _correlation(entries: Sequence[Entry], board: str) -> list[str]:
    found = correlate(entries, board)
    if not found:
        return []
    around = f" [{found.interval[0]:.2f}, {found.interval[1]:.2f}]" if found.interval else ""
    return [
        f"Local against {board}: correlation {found.pearson:.2f}{around}, of ranks {found.spearman:.2f}, {board} less "
        f"local {found.offset:+.4f} on average, over {found.entries} entries."
    ]
