"""Tables that fit the terminal: the columns that matter most, as many as there is room for.

In: columns with their cells. Out: a rich table. A column without any value is left out, and so is one for which no
room is left; what is left out stands in the JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

EMPTY = "-"
GAP = 2  # characters between columns
NARROW, NAME = 100, 36  # below so many characters names are folded at so many


@dataclass(frozen=True)
class Column:
    """A title and a cell a row; the lower the `rank`, the sooner it gets its room. Rank 0 is always shown."""

    title: str
    cells: tuple[str, ...]
    rank: int
    numbers: bool = True  # to the right

    @property
    def width(self) -> int:
        """Of its longest line."""
        return max(len(text) for text in (self.title, *self.cells))

    @property
    def empty(self) -> bool:
        return all(cell == EMPTY for cell in self.cells)


def column_of(rows: Sequence[Any], title: str, rank: int, text: Callable[[Any], str], numbers: bool = True) -> Column:
    """The column that says `text` of each row."""
    return Column(title, tuple(map(text, rows)), rank, numbers)


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that are shown in `width` characters, in their order."""
    room, chosen = width + GAP, set()  # none behind the last
    for column in sorted(columns, key=lambda column: column.rank):
        needed = (min(column.width, NAME) if width < NARROW and not column.numbers else column.width) + GAP
        if column.rank == 0 or (not column.empty and needed <= room):
            chosen.add(column.title)
            room -= needed
    return [column for column in columns if column.title in chosen]


def as_table(columns: Sequence[Column], width: int) -> Table:
    """The columns that fit, as a table."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    shown = fitting(columns, width)
    for column in shown:
        folded = NAME if width < NARROW and not column.numbers else None
        table.add_column(
            column.title, justify="right" if column.numbers else "left", no_wrap=folded is None, max_width=folded,
            overflow="fold",
        )  # fmt: skip
    for cells in zip(*(column.cells for column in shown)):
        table.add_row(*cells)
    return table
