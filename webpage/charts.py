"""Geometry of the charts: blocks -> paths, ticks and positions that the templates write as SVG.

In: blocks. Out: plain values for the templates. Stays outside: markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from webpage.blocks import Cell, HeatMap, Line, LineChart, Matrix, Table
from webpage.scales import Scale, band_path, colour, ink_on, line_path

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 42  # margins of the plot
PALETTE = 8  # colours of lines in the style sheet
LEVELS = 32  # colours of a heat map
RANGE_WIDTH = 140


@dataclass(frozen=True)
class Drawn:
    """What every chart has: size, frame, ticks of both axes as (pixel, text)."""

    width: int
    height: int
    frame: tuple[float, float, float, float]  # left, top, right, bottom
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class DrawnLines(Drawn):
    """Chart of lines: (class, path) of each, legend as (class, name), the table of its figures."""

    lines: Sequence[tuple[str, str]]
    legend: Sequence[tuple[str, str]]
    band: str
    span: tuple[float, float] | None
    rules: Sequence[float]
    dots: Sequence[tuple[str, float, float]]
    header: Sequence[str]
    rows: Sequence[tuple[float, Sequence[str]]]  # pixel of x, texts of x and each line


@dataclass(frozen=True)
class DrawnHeat(Drawn):
    """Heat map: (colour, path) of each level, legend as (colour, text), the chosen point, the table of its figures."""

    cells: Sequence[tuple[str, str]]
    legend: Sequence[tuple[str, str]]
    chosen: tuple[float, float]
    columns: Sequence[float]
    rows: Sequence[tuple[float, str, Sequence[str]]]
    header: Sequence[str]


@dataclass(frozen=True)
class DrawnRange:
    """Range cell: pixels of value, interval and marks."""

    width: int
    value: float | None
    span: tuple[float, float] | None
    marks: Sequence[float]


def draw_lines(chart: LineChart) -> DrawnLines:
    """Lay out a chart of lines."""
    xs = [x for line in chart.lines for x, _ in line.points]
    ys = [y for line in chart.lines for _, y in line.points if math.isfinite(y)]
    highs = [high for _, _, high in chart.band.points] if chart.band else []
    across, up = _frame(xs), Scale.around([*ys, *highs], HEIGHT - BOTTOM, TOP, least=0.02)
    bold = [line for line in chart.lines if not line.faint]
    names = [("faint", line.name) for line in chart.lines if line.faint][:1]
    styles = {id(line): _style(number) for number, line in enumerate(bold)}
    span, band = chart.span, chart.band
    legend = [(styles[id(line)], line.name) for line in bold] + names
    legend += [("band", band.name)] if band else []
    legend += [("span", span[0])] if span else []
    legend += [("rule", name) for name in dict.fromkeys(name for name, _ in chart.rules)]
    dots = [(styles[id(line)], *line.dot) for line in bold if line.dot]
    legend += [("dot", chart.dots)] if dots else []
    return DrawnLines(
        **_axes(across, up, whole=all(float(x).is_integer() for x in xs)),
        lines=[(styles.get(id(line), "faint"), line_path(line.points, across, up)) for line in _behind(chart)],
        legend=legend,
        band=band_path(band.points, across, up) if band else "",
        span=(across.at(span[1]), across.at(span[2])) if span else None,
        rules=[across.at(at) for _, at in chart.rules],
        dots=[(style, across.at(x), up.at(y)) for style, x, y in dots],
        header=[chart.x, *(line.name for line in bold)],
        rows=_figures(chart, across),
    )


def _behind(chart: LineChart) -> list[Line]:
    """Lines in the order of drawing: the faint ones first."""
    return sorted(chart.lines, key=lambda line: not line.faint)


def _style(number: int) -> str:
    """Class of a line: a colour, and dashes once the colours are used up."""
    return f"s{number % PALETTE}" + (" dashed" if number >= PALETTE else "")


def _figures(chart: LineChart, across: Scale) -> list[tuple[float, list[str]]]:
    """Rows of the chart's table: each x that a bold line has, with the lines' values."""
    bold = [dict(line.points) for line in chart.lines if not line.faint]
    xs = sorted({x for line in bold for x in line})
    return [(across.at(x), [f"{x:.4g}", *(_text(line.get(x)) for line in bold)]) for x in xs]


def _text(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.4f}"


def draw_heat(chart: HeatMap) -> DrawnHeat:
    """Lay out a heat map; cells of one colour that lie side by side are one rectangle."""
    x_edges, y_edges = _edges(chart.xs), _edges(chart.ys)
    across = Scale(x_edges[0], x_edges[-1], LEFT, WIDTH - RIGHT)
    up = Scale(y_edges[0], y_edges[-1], HEIGHT - BOTTOM, TOP)
    highest = max(max(row) for row in chart.values)
    wide = max(highest - chart.lowest, 1e-9)
    lefts, tops = [across.at(edge) for edge in x_edges], [up.at(edge) for edge in y_edges]
    paths: dict[int, list[str]] = {}
    for row, values in enumerate(chart.values):
        shares = [min(max((value - chart.lowest) / wide, 0), 1) for value in values]
        levels = [round(share * (LEVELS - 1)) for share in shares]
        for level, same in groupby(range(len(levels)), key=levels.__getitem__):
            columns = list(same)
            left, right = lefts[columns[0]], lefts[columns[-1] + 1]
            path = f"M{left:g} {tops[row + 1]:g}H{right:g}V{tops[row]:g}H{left:g}Z"
            paths.setdefault(level, []).append(path)
    steps = (0, 0.25, 0.5, 0.75, 1)
    legend = [(colour(step), f"{chart.lowest + step * wide:.3f}") for step in steps]
    legend[0] = (legend[0][0], f"{chart.lowest:.3f} or less")
    return DrawnHeat(
        **_axes(across, up),
        cells=[(colour(level / (LEVELS - 1)), "".join(parts)) for level, parts in sorted(paths.items())],
        legend=legend,
        chosen=(across.at(chart.chosen[0]), up.at(chart.chosen[1])),
        columns=[across.at(x) for x in chart.xs],
        rows=[(up.at(y), f"{y:g}", [f"{value:.4f}" for value in row]) for y, row in zip(chart.ys, chart.values)],
        header=[f"{x:.3f}" for x in chart.xs],
    )


def _edges(centres: Sequence[float]) -> list[float]:
    """Edges of cells around their centres; the outer ones end at their centre's own half step."""
    if len(centres) < 2:
        return [centres[0] - 0.5, centres[0] + 0.5]
    middle = [(one + other) / 2 for one, other in pairwise(centres)]
    return [centres[0] - (middle[0] - centres[0]), *middle, centres[-1] + (centres[-1] - middle[-1])]


def _frame(xs: Sequence[float]) -> Scale:
    low, high = (min(xs), max(xs)) if xs else (0.0, 1.0)
    return Scale(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT)


def _axes(across: Scale, up: Scale, whole: bool = False) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "frame": (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM),
        "x_ticks": [(across.at(value), text) for value, text in across.ticks(whole=whole)],
        "y_ticks": [(up.at(value), text) for value, text in up.ticks()],
    }


def draw_matrix(matrix: Matrix) -> list[list[tuple[str, str, str]]]:
    """Cells of a matrix as (text, background, ink); colours begin at the lowest value, at most 0."""
    lowest = min([0.0, *(value for row in matrix.values for value in row)])
    shares = [[(value - lowest) / (1 - lowest) for value in row] for row in matrix.values]
    return [
        [(f"{value:.2f}", found := colour(share), ink_on(found)) for value, share in zip(values, row)]
        for values, row in zip(matrix.values, shares)
    ]


def draw_range(table: Table, column: int, cell: Cell) -> DrawnRange | None:
    """Lay out a range cell on the scale of its axis in the table; None without a number."""
    value = cell.value if isinstance(cell.value, float) else None
    if value is None and not cell.marks:
        return None
    scale = _range_scale(table, table.columns[column].axis)
    span = None if cell.low is None or cell.high is None else (scale.at(cell.low), scale.at(cell.high))
    marks = [scale.at(mark) for mark in cell.marks]
    return DrawnRange(RANGE_WIDTH, None if value is None else scale.at(value), span, marks)


def _range_scale(table: Table, axis: str) -> Scale:
    drawn = [number for number, one in enumerate(table.columns) if one.draw == "range" and one.axis == axis]
    cells = [row[number] for row in table.rows for number in drawn]
    known = [[cell.value, cell.low, cell.high, *cell.marks] for cell in cells]
    return Scale.around((each for one in known for each in one if isinstance(each, float)), 6, RANGE_WIDTH - 6)


def share_of_bar(table: Table, column: int, cell: Cell) -> float:
    """Length of a bar as a share of the longest one of its column."""
    values = [row[column].value for row in table.rows]
    most = max((abs(value) for value in values if isinstance(value, float)), default=0.0)
    return round(abs(cell.value) / most, 3) if most and isinstance(cell.value, float) else 0.0
