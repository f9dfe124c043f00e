"""Tables within the width of the terminal: the columns that matter most, as many as there is room for.

In: columns with their cells. Out: a rich table. A column without any value is left out, and so is one for which no
room is left; the JSON document has all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

EMPTY = "-"
GAP = 2  # characters between columns
NARROW, NAME = 100, 36  # in a terminal narrower than this, names are folded at this width


def cell(value: Any, form: str | Callable[[Any], str] = "{}", empty: str = EMPTY) -> str:
    """Text of a value, by a format string or a function; `empty` for None.

    >>> cell(0.51234, "{:.3f}"), cell(None, "{:.3f}"), cell("fc")
    ('0.512', '-', 'fc')
    """
    if value is None:
        return empty
    return form.format(value) if isinstance(form, str) else form(value)


@dataclass(frozen=True)
class Column:
    """Title and one cell for each row; the lower the `rank`, the sooner it gets its room. Rank 0 is always shown."""

    title: str
    cells: tuple[str, ...]
    rank: int
    numbers: bool = True  # to the right

    @property
    def width(self) -> int:
        """Length of its longest line."""
        return max(len(text) for text in (self.title, *self.cells))

    @property
    def empty(self) -> bool:
        return all(cell == EMPTY for cell in self.cells)


def column_of(rows: Sequence[Any], title: str, rank: int, text: Callable[[Any], str], numbers: bool = True) -> Column:
    """Column with `text` of each row."""
    return Column(title, tuple(map(text, rows)), rank, numbers)


def visible_columns(columns: Sequence[Column], width: int) -> list[Column]:
    """Columns that are shown in `width` characters, in their order."""
    room, chosen = width + GAP, set()  # no gap behind the last
    for column in sorted(columns, key=lambda column: column.rank):
        needed = (min(column.width, NAME) if width < NARROW and not column.numbers else column.width) + GAP
        if column.rank == 0 or (not column.empty and needed <= room):
            chosen.add(column.title)
            room -= needed
    return [column for column in columns if column.title in chosen]


def as_table(columns: Sequence[Column], width: int) -> "Table":
    """Table of the columns that have room in `width` characters."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    shown = visible_columns(columns, width)
    for column in shown:
        folded = NAME if width < NARROW and not column.numbers else None
        table.add_column(
            column.title, justify="right" if column.numbers else "left", no_wrap=folded is None, max_width=folded,
            overflow="fold",
        )  # fmt: skip
    for cells in zip(*(column.cells for column in shown)):
        table.add_row(*cells)
    return table


def framed_table(title: str, texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """Table with a frame and a title, whose first columns hold text and whose others hold numbers."""
    table = Table(title=title, title_justify="left")
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
