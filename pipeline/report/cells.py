"""Cells of the report's tables: figures as text, with the value that they are sorted by."""

from collections.abc import Sequence

from webpage import Cell
from webpage.blocks import EMPTY


def number(value: float | None, figure: str, unit: str = "") -> Cell:
    """Figure in a format."""
    return EMPTY if value is None else Cell(f"{value:{figure}}{unit}", float(value))


def word(text: str) -> Cell:
    """Text, or a dash."""
    return Cell(text) if text else EMPTY


def dice(
    value: float | None, interval: Sequence[float] | None, figure: str = ".4f", marks: Sequence[float] = ()
) -> Cell:
    """Figure with its interval, which a range column draws, and further marks."""
    if value is None:
        return Cell("–", "", marks=marks)
    low, high = interval or (None, None)
    around = f" [{low:{figure}}, {high:{figure}}]" if interval else ""
    return Cell(f"{value:{figure}}{around}", float(value), low, high, marks)


def share(value: float | None) -> Cell:
    """Share in per cent."""
    return EMPTY if value is None else Cell(f"{value:.1%}", float(value))
