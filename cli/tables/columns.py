"""Tables within the width of the terminal: the columns that matter most, as many as there is room for.

In: columns with their cells. Out: a rich table, or csv. A column without any value is left out. Columns get their room
in the order of their ranks; those of rank 0 are always shown, and only if they alone are too wide are their texts cut,
in the middle, so that names with the same beginning can still be told apart. `--wide` and `--csv` show all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cli.inert import inert

if TYPE_CHECKING:
    from rich.table import Table

EMPTY = "-"
GAP = 2  # characters between columns
ELLIPSIS = "…"
NARROWEST = 8  # characters of a text that is cut


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
    """Title and one cell for each row; the lower the `rank`, the sooner it gets its room.

    Rank 0 is always shown, unless it is a column of numbers without any.
    """

    title: str
    cells: tuple[str, ...]
    rank: int
    numbers: bool = True  # to the right, and never cut
    folds: bool = False  # over several lines instead of being cut

    @property
    def width(self) -> int:
        """Length of its longest line."""
        return max(len(text) for text in (self.title, *self.cells))

    @property
    def empty(self) -> bool:
        """True if no row has a value."""
        return all(cell in (EMPTY, "") for cell in self.cells)


def column_of(rows: Sequence[Any], title: str, rank: int, text: Callable[[Any], str], numbers: bool = True) -> Column:
    """Column with `text` of each row."""
    return Column(title, tuple(map(text, rows)), rank, numbers)


def visible_columns(columns: Sequence[Column], width: int) -> list[Column]:
    """Columns that are shown in `width` characters, in their order."""
    room, chosen = width + GAP, set()  # no gap behind the last
    for place, column in sorted(enumerate(columns), key=lambda each: each[1].rank):
        needed = column.width + GAP
        if column.empty and (column.numbers or column.rank):
            continue
        if column.rank == 0 or needed <= room:
            chosen.add(place)
            room -= needed
    return [column for place, column in enumerate(columns) if place in chosen]


def cut_in_the_middle(texts: Sequence[str], width: int) -> list[str]:
    """Cut texts to `width` characters in the middle, or where most of them stay different from one another.

    At both ends if what tells them apart lies in the middle.

    >>> cut_in_the_middle(["resnest101-fc-t5", "resnest200-fc-t5", "coat"], 9)
    ['r…1-fc-t5', 'r…0-fc-t5', 'coat']
    """
    room = width - len(ELLIPSIS)

    def cut(text: str, head: int) -> str:
        return text if len(text) <= width else text[:head] + ELLIPSIS + text[len(text) - room + head :]

    def window(text: str, start: int) -> str:
        start = min(start, len(text) - room + 1)
        return text if len(text) <= width else ELLIPSIS + text[start : start + room - 1] + ELLIPSIS

    heads = sorted(range(room + 1), key=lambda head: abs(2 * head - room))
    tries: list[tuple[Callable[[str, int], str], int]] = [(cut, head) for head in heads]
    tries += [(window, start) for start in range(1, max(map(len, texts), default=0) - room + 1)]
    most, best = 0, list(texts)
    for way, place in tries:
        found = [way(text, place) for text in texts]
        if len(set(found)) > most:
            most, best = len(set(found)), found
        if most == len(set(texts)):
            break
    return best


def as_table(columns: Sequence[Column], width: int, like: Sequence[Column] = ()) -> Table:
    """Table of the columns that have room in `width` characters.

    like: the same columns of more rows, such as those before a filter, which then decide what is shown.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    columns = [replace(column, cells=tuple(map(inert, column.cells))) for column in columns]
    shown = visible_columns(like or columns, width)
    titles = [column.title for column in shown]
    shown = [column for column in columns if column.title in titles] if like else shown
    fitted = fit(shown, width)
    for column, room in fitted:
        table.add_column(
            column.title, justify="right" if column.numbers else "left", no_wrap=not column.folds, overflow="fold",
            max_width=room if column.folds else None,
        )  # fmt: skip
    for cells in zip(*(column.cells for column, _ in fitted)):
        table.add_row(*map(Text, cells))
    return table


def fit(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """Columns with the characters that each gets, their texts cut as far as `width` asks for, the widest first."""
    widths = [column.width for column in columns]
    texts = [place for place, column in enumerate(columns) if not column.numbers]
    over = sum(widths) + GAP * (len(widths) - 1) - width
    while over > 0 and texts:
        widest = max(texts, key=lambda place: widths[place])
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
        over -= 1
    return [(_cut(column, room), room) for column, room in zip(columns, widths)]


def _cut(column: Column, room: int) -> Column:
    if column.folds or room >= column.width:
        return column
    return replace(column, title=column.title[:room], cells=tuple(cut_in_the_middle(column.cells, room)))


def as_csv(columns: Sequence[Column]) -> str:
    """All columns and rows as csv; cells without a value are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.title for column in columns)
    for cells in zip(*(column.cells for column in columns)):
        writer.writerow("" if cell == EMPTY else cell for cell in cells)
    return text.getvalue()
