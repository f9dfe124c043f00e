"""Tables of `cli data shift`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.tables.columns import Column, column_of
from cli.tables.page import Page
from core.uncertainty import Estimate, interval_text
from zoo.data.shift import Shift, SourceShift

if TYPE_CHECKING:
    from zoo.workflows.shift import ViewShift


def print_shifts(console: Page, found: Sequence[SourceShift], shown: ViewShift | None = None) -> None:
    """Print the shift of each source's labels, and what it says of the offset that the source declares.

    shown: the shift that a member's maps of mirrored scenes show.
    """
    columns = [
        column_of(found, "source", 0, lambda each: each.source, numbers=False),
        column_of(found, "records", 3, lambda each: f"{each.records:,}"),
        *shift_columns([each.shift for each in found]),
    ]
    console.table(columns, "Shift that puts labels on the ridges of T14 - T15, pixels, with 95 % intervals")
    for each in found:
        console.say(f"{each.source}: {each.verdict}")
        _say_caution(console, each.source, each.shift)
    if shown:
        title = f"Shift that puts the maps of {shown.member} on the contrails, by their views"
        console.table(shift_columns([shown.shift]), title)
        console.say(shown.verdict)
        _say_caution(console, str(shown.member), shown.shift)


def shift_columns(shifts: Sequence[Shift]) -> list[Column]:
    """Columns of shifts: groups, rows and columns with their intervals."""
    return [
        column_of(shifts, "groups (effective)", 4, lambda each: f"{each.dy.groups} ({each.dy.effective_groups:.1f})"),
        column_of(shifts, "dy (down)", 1, lambda each: _pixels(each.dy)),
        column_of(shifts, "dx (right)", 2, lambda each: _pixels(each.dx)),
    ]


def _say_caution(console: Page, name: str, found: Shift) -> None:
    if found.dy.caution:
        console.say(f"{name}: {found.dy.caution}")


def _pixels(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} {interval_text(estimate.interval, '+.2f')}"
