"""Section of the report: the leaderboard."""

from __future__ import annotations

from core.errors import UserError
from core.uncertainty import FEW_EFFECTIVE
from pipeline.leaderboard_rows import Row
from pipeline.report.asked import Asked
from pipeline.report.cells import dice, number, word
from webpage import Cell, Column, Table
from webpage.blocks import Block
from zoo.runs.store import HELD_OUT

COLUMNS = (
    Column("member", numeric=False),
    Column("Dice, out of fold", draw="range"),
    Column("logged validation"),
    Column("logged leaderboard"),
    Column("± folds"),
    Column("records"),
    Column("effective groups"),
    Column("s / record, a run"),
    Column("training minutes"),
    Column("size"),
    Column("epochs"),
    Column("views", numeric=False),
    Column("remarks", numeric=False),
)
LEGEND = "● out-of-fold Dice with its 95 % interval over scene groups, ◇ the score in the experiment log."


def blocks(asked: Asked) -> list[Block]:
    """Tabulate the members; UserError if none is scored."""
    rows = asked.board.rows
    if not rows:
        asked.require_scenes()
        raise UserError("no predicted record has a label")
    note = "Each member is scored on its own records, at the best threshold of the other folds."
    return [Table("Members by out-of-fold Dice", COLUMNS, [_cells(row) for row in rows], note, LEGEND)]


def _cells(row: Row) -> list[Cell]:
    logged = tuple(score for score in (row.logged_validation,) if score is not None)
    return [
        Cell(row.name),
        dice(row.dice, row.interval, marks=logged),
        number(row.logged_validation, ".3f"),
        number(row.logged_leaderboard, ".3f"),
        number(row.spread, ".3f"),
        number(row.records, "d"),
        number(row.effective_groups, ".1f"),
        number(row.seconds_per_record, ".2f"),
        number(row.training_minutes, ".0f"),
        number(row.size, "d"),
        number(row.epochs_trained, "g"),
        word("" if row.tta == "none" else row.tta),
        word("; ".join(_remarks(row))),
    ]


def _remarks(row: Row) -> list[str]:
    """Remarks that limit what a score says."""
    few = row.effective_groups is not None and row.effective_groups < FEW_EFFECTIVE
    known = [
        (row.kind == "in_sample", "in-sample: only one fold"),
        (row.kind == "unscored", "no contrail pixel: no Dice"),
        (row.changed is None, "recipe unknown: its run is missing"),
        (bool(row.changed), f"changed: {row.changed_text}"),
        (few, f"under {FEW_EFFECTIVE} effective groups: do not trust the interval"),
        (row.epoch_chosen_on == HELD_OUT, "epoch chosen on the fold that scores it: a little too high"),
    ]
    return [text for holds, text in known if holds]
