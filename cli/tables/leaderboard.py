"""Leaderboard as a table."""

from collections.abc import Sequence
from functools import partial

from cli.tables.columns import EMPTY, Column, cell, column_of
from cli.tables.marks import legend, marked_dice
from cli.tables.page import Page
from pipeline import columns as words
from pipeline.leaderboard_rows import Leaderboard, Row


def print_leaderboard(console: Page, board: Leaderboard) -> None:
    """Print the rows, as many columns as there is room for, and the meaning of their marks."""
    console.table(_columns(board.rows), heading(board.rows))
    for line in legend([marked_dice(row) for row in board.rows]):
        console.say(line)
    if any(row.behind and row.behind["value"] for row in board.rows):
        console.say(words.MEANS_BEHIND)


def heading(rows: Sequence[Row]) -> str:
    """Kind of Dice of these rows, and the records that they stand on if those are the same."""
    crossed = "cross-fitted" + (" except *" if any(row.kind == "in_sample" for row in rows) else "")
    records = {row.records for row in rows}
    on = f", {records.pop()} records" if len(records) == 1 else ""
    return f"Dice: global, out of fold, {crossed}{on}; 95 % over scene groups"


def _columns(rows: Sequence[Row]) -> list[Column]:
    column = partial(column_of, rows)
    compared = all(row.behind for row in rows)  # as --shared does: then the paired difference says most
    mixed = len({row.tta for row in rows}) > 1  # then a higher Dice may be that of more views
    return [
        column(words.MEMBER, 0, lambda row: row.name, numbers=False),
        column(words.DICE, 0, marked_dice),
        column(words.INTERVAL, 3, lambda row: cell(row.interval, partial(_bounds, figure=".3f"))),
        column(words.BEHIND, 2 if compared else 6, _behind),
        column(words.SPREAD, 7, _spread),
        column(words.RECORDS, 4, lambda row: str(row.records)),
        column("groups (effective)", 8, _groups),
        column(words.VIEWS, 2 if mixed else 10, lambda row: EMPTY if row.tta == "none" else row.tta, numbers=False),
        column(words.SIZE, 11, lambda row: cell(row.size)),
        column(words.EPOCHS, 12, _epochs),
        column(words.SECONDS_OF_RUN, 9, lambda row: cell(row.seconds_per_record, "{:.2f}")),
        column(words.TRAINING, 13, lambda row: cell(row.training_minutes, "{:.0f}")),
        column(words.LOGGED_VALIDATION, 5, lambda row: cell(row.logged_validation, "{:.3f}")),
        column(words.CHANGED, 14, lambda row: row.changed_text or EMPTY, numbers=False),
    ]


def _bounds(interval: Sequence[float], figure: str) -> str:
    return f"{interval[0]:{figure}} to {interval[1]:{figure}}"


def _groups(row: Row) -> str:
    return f"{row.groups}" + cell(row.effective_groups, " ({:.1f})", "")


def _spread(row: Row) -> str:
    scored = sum(dice is not None for dice in row.per_fold.values())
    return EMPTY if row.spread is None else f"{row.spread:.3f} ({scored})"


def _behind(row: Row) -> str:
    paired = row.behind
    if paired is None or not paired["value"]:
        return EMPTY
    around = f" ({_bounds(paired['interval'], '+.3f')})" if paired["interval"] else ""
    return f"{paired['value']:.3f}{around}"


def _epochs(row: Row) -> str:
    """Epochs trained, with those planned where they differ."""
    trained, planned = row.epochs_trained, row.epochs
    if trained is None:
        return EMPTY
    return f"{trained:g}" if trained == planned else f"{trained:g} of {planned}"
