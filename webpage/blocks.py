"""Blocks of a page as frozen values. All texts are plain: the templates escape them.

In: text, numbers, data URIs. Out: what the templates draw. Each block has `kind`, the name of its template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """Paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Advice:
    """What to do and why, with the command to type if there is one."""

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Steps:
    """List of advice, the most urgent first."""

    kind: ClassVar[str] = "steps"
    items: Sequence[Advice]


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    value: what it is sorted by and what is copied, by default the text. low, high: interval that a range column draws.
    marks: further values that it draws.
    """

    text: str
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    marks: Sequence[float] = ()

    @property
    def key(self) -> float | str:
        """Value to sort by and to copy."""
        return self.text if self.value is None else self.value


EMPTY = Cell("–", "")


@dataclass(frozen=True)
class Column:
    """Column of a table.

    draw: "", "bar" (a bar of the value behind the text) or "range" (value, interval, marks)
    axis: range columns of one axis share their scale
    """

    title: str
    numeric: bool = True
    draw: str = ""
    axis: str = ""


@dataclass(frozen=True)
class Table:
    """Table whose first column names the rows; rows are sorted by a click on a header and copied as CSV.

    note: below it. legend: of what range columns draw.
    """

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    legend: str = ""


@dataclass(frozen=True)
class Matrix:
    """Square table of numbers in -1 to 1 between the names of its rows, drawn in colours."""

    kind: ClassVar[str] = "matrix"
    title: str
    names: Sequence[str]
    values: Sequence[Sequence[float]]
    note: str = ""


@dataclass(frozen=True)
class Line:
    """Line of a chart, with a circle at `dot`.

    faint: it stands behind the others, and the legend names the first such line alone
    """

    name: str
    points: Sequence[Point]
    faint: bool = False
    dot: Point | None = None


@dataclass(frozen=True)
class Band:
    """Area between two lines: (x, low, high)."""

    name: str
    points: Sequence[tuple[float, float, float]]


@dataclass(frozen=True)
class LineChart:
    """Lines over a common x.

    band: behind the lines. span: (name, from, to) of x, shaded. rules: name and x of vertical lines
    dots: what the dots of the lines mean
    """

    kind: ClassVar[str] = "lines"
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    band: Band | None = None
    span: tuple[str, float, float] | None = None
    rules: Sequence[tuple[str, float]] = ()
    dots: str = ""
    note: str = ""


@dataclass(frozen=True)
class HeatMap:
    """Values on a grid: values[row][column] at ys[row] and xs[column], both rising; colours begin at `lowest`."""

    kind: ClassVar[str] = "heat"
    title: str
    x: str
    y: str
    z: str
    xs: Sequence[float]
    ys: Sequence[float]
    values: Sequence[Sequence[float]]
    lowest: float
    chosen: Point
    note: str = ""


@dataclass(frozen=True)
class Layer:
    """Layer of a gallery: its name in `Scene.layers`, title, colour of its swatch, and whether it is shown at first."""

    name: str
    title: str
    colour: str
    shown: bool = False


@dataclass(frozen=True)
class Scene:
    """Scene of a gallery. alt: what is to be seen, in words.

    frames: title and picture, `shown` the index of the first one to show; layers: picture by the name of its layer
    """

    title: str
    facts: str
    alt: str
    frames: Sequence[tuple[str, str]] = ()
    shown: int = 0
    layers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gallery:
    """Scenes in groups, with layers that are shown and hidden for all of them together; `base` names the frames."""

    kind: ClassVar[str] = "gallery"
    title: str
    base: Layer
    layers: Sequence[Layer]
    groups: Mapping[str, Sequence[Scene]]


Block = Text | Steps | Table | Matrix | LineChart | HeatMap | Gallery


@dataclass(frozen=True)
class Missing:
    """Reason why a section is empty, with the command that fills it."""

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Section:
    """Section of a page: an anchor, a title, blocks; or what is missing."""

    anchor: str
    title: str
    blocks: Sequence[Block] = ()
    missing: Missing | None = None


@dataclass(frozen=True)
class Page:
    """Whole page. facts: name and value, shown below the title."""

    title: str
    facts: Mapping[str, str]
    sections: Sequence[Section]
