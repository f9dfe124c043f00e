"""Section of the report: the leaderboard."""

from __future__ import annotations

from core.errors import UserError
from pipeline import columns as words
from pipeline.leaderboard_rows import Row
from pipeline.report.asked import Asked
from pipeline.report.cells import dice, number, word
from webpage import Cell, Column, Table
from webpage.blocks import EMPTY, Block

COLUMNS = (
    Column(words.MEMBER, numeric=False),
    Column(f"{words.DICE}, {words.INTERVAL}", draw="range"),
    Column("remarks", numeric=False),
    Column(words.BEHIND, draw="range", axis="behind"),
    Column(words.LOGGED_VALIDATION),
    Column(words.LOGGED_BOARD),
    Column(words.SPREAD),
    Column(words.RECORDS),
    Column(words.EFFECTIVE),
    Column(words.SECONDS_OF_RUN),
    Column(words.TRAINING),
    Column(words.SIZE),
    Column(words.EPOCHS),
    Column(words.VIEWS, numeric=False),
    Column(words.CHANGED, numeric=False),
)
REMARKS = {  # short words for the column, explained below the table
    "in_sample": "in-sample",
    "other_recipe": "recipe changed",
    "unknown_recipe": "recipe unknown",
    "few_groups": "few scene groups",
    "own_epoch": "own epoch",
    "unscored": "no contrails",
}
LEGEND = "● out-of-fold Dice with its 95 % interval over scene groups, ◇ the score in the experiment log."


def blocks(asked: Asked) -> list[Block]:
    """Tabulate the members; UserError if none is scored."""
    rows = asked.board.rows
    if not rows:
        asked.require_scenes()
        raise UserError("no predicted record has a label")
    note = "Each member is scored on its own records, at the best threshold of the other folds."
    if any(row.behind for row in rows):
        note = f"{note} {words.MEANS_BEHIND[:1].upper()}{words.MEANS_BEHIND[1:]}."
    for remark in sorted({each for row in rows for each in words.remarks_of(row)}):
        meaning = words.REMARKS[remark].removeprefix(f"{REMARKS[remark]}: ").partition("; --wide")[0]
        note = f"{note} {REMARKS[remark].capitalize()}: {meaning}."
    cells = [_cells(row) for row in rows]
    known = [place for place in range(len(COLUMNS)) if any(row[place] != EMPTY for row in cells)]
    columns, cells = [COLUMNS[place] for place in known], [[row[place] for place in known] for row in cells]
    return [Table("Members by out-of-fold Dice", columns, cells, note, LEGEND)]


def _cells(row: Row) -> list[Cell]:
    logged = tuple(score for score in (row.logged_validation,) if score is not None)
    return [
        Cell(row.name),
        dice(row.dice, row.interval, marks=logged),
        word("; ".join(REMARKS[remark] for remark in words.remarks_of(row))),
        _behind(row),
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
        word(row.changed_text),
    ]


def _behind(row: Row) -> Cell:
    """Dice of the first less this one's; a dash for the first and for rows on other records."""
    return dice(row.behind["value"], row.behind["interval"], "+.4f") if row.behind and row.behind["value"] else EMPTY
