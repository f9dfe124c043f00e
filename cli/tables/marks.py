"""Marks of a Dice in tables, and the legend that explains them.

In: rows of the leaderboard. Out: text. Each mark is named here once, its meaning in `pipeline.columns`.
"""

from collections.abc import Sequence

from cli.tables.columns import EMPTY
from pipeline.columns import REMARKS, remarks_of
from pipeline.leaderboard_rows import Row
from zoo.runs.store import HELD_OUT

# A row without a Dice has no mark.
MARKS = {"in_sample": "*", "other_recipe": "†", "unknown_recipe": "‡", "few_groups": "§", "own_epoch": "¶"}
FEW_GROUPS = MARKS["few_groups"]


def marked_dice(row: Row) -> str:
    """Dice with its marks; none where the records hold no contrail pixel."""
    return EMPTY if row.dice is None else f"{row.dice:.3f}" + "".join(MARKS[remark] for remark in remarks_of(row))


def epoch_mark(epoch_chosen_on: str | None) -> str:
    """Mark of a Dice whose epoch was chosen on the records that it is computed on."""
    return MARKS["own_epoch"] if epoch_chosen_on == HELD_OUT else ""


def legend(cells: Sequence[str]) -> list[str]:
    """Meaning of the marks in these cells, a line each."""
    return [f"{mark} {REMARKS[remark]}" for remark, mark in MARKS.items() if any(mark in cell for cell in cells)]
