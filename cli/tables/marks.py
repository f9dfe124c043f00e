"""Marks of a Dice in tables, and the legend that explains them.

In: rows of the leaderboard. Out: text. Each mark is named here once.
"""

from collections.abc import Sequence

from cli.tables.columns import EMPTY
from core.uncertainty import FEW_EFFECTIVE
from pipeline.leaderboard_rows import Row
from zoo.runs.store import HELD_OUT

IN_SAMPLE, OTHER_RECIPE, UNKNOWN_RECIPE, FEW_GROUPS, OWN_EPOCH = "*†‡§¶"
LEGEND = {
    IN_SAMPLE: "in-sample: only one fold, whose own records chose the threshold",
    OTHER_RECIPE: "trained by another recipe than the listed one; --json lists the keys that changed",
    UNKNOWN_RECIPE: "its run is missing, so its recipe is not known",
    FEW_GROUPS: f"fewer than {FEW_EFFECTIVE} effective scene groups: no interval can be trusted",
    OWN_EPOCH: "epoch chosen on the fold that scores it: the Dice is a little too high",
}


def marked_dice(row: Row) -> str:
    """Dice with its marks; none where the records hold no contrail pixel."""
    if row.dice is None:
        return EMPTY
    marks = IN_SAMPLE if row.kind == "in_sample" else ""
    marks += UNKNOWN_RECIPE if row.changed is None else OTHER_RECIPE if row.changed else ""
    marks += FEW_GROUPS if row.effective_groups is not None and row.effective_groups < FEW_EFFECTIVE else ""
    return f"{row.dice:.3f}" + marks + epoch_mark(row.epoch_chosen_on)


def epoch_mark(epoch_chosen_on: str | None) -> str:
    """Mark of a Dice whose epoch was chosen on the records that it is computed on."""
    return OWN_EPOCH if epoch_chosen_on == HELD_OUT else ""


def legend(cells: Sequence[str]) -> list[str]:
    """Meaning of the marks in these cells, a line each."""
    return [f"{mark} {words}" for mark, words in LEGEND.items() if any(mark in cell for cell in cells)]
