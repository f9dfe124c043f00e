"""Scales: ticks, paths, and the layout of charts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webpage import Cell, Column, HeatMap, Line, LineChart, Table
from webpage.charts import draw_heat, draw_lines, draw_range, share_of_bar
from webpage.scales import Scale, band_path, line_path

FINITE = st.floats(-1e6, 1e6)


@given(FINITE, st.floats(1e-4, 1e6), st.integers(2, 8))
def test_ticks_are_round_even_and_within_the_scale(low, wide, count):
    scale = Scale(low, low + wide, 0, 100)
    values = [value for value, _ in scale.ticks(count)]
    texts = [text for _, text in scale.ticks(count)]
    step = values[1] - values[0] if len(values) > 1 else wide
    assert 1 <= len(values) <= count + 1
    assert all(low - 1e-6 * step <= value <= low + wide + 1e-6 * step for value in values)
    assert len(set(texts)) == len(texts)
    assert all(abs(float(text) - value) <= 0.051 * step for text, value in zip(texts, values))


@given(st.integers(0, 100), st.integers(1, 200))
def test_whole_ticks_are_integers(low, wide):
    assert all("." not in text and value == int(text) for value, text in Scale(low, low + wide, 0, 1).ticks(whole=True))


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=16), max_size=6))
def test_a_scale_holds_all_finite_values(values):
    scale = Scale.around(values, 10, 90)
    assert scale.low < scale.high
    assert all(10 <= scale.at(value) <= 90 for value in values if math.isfinite(value))


def test_a_line_has_gaps_and_a_band_is_clipped():
    unit = Scale(0, 1, 0, 10)
    assert line_path([(0, 0), (0.5, math.nan), (0.6, 1), (1, 0.5)], unit, unit) == "M0 0h0M6 10h0L10 5"
    assert band_path([(0, -1, 0.5), (1, 0.2, 3)], unit, unit) == "M0 5h0L10 10L10 2L0 0Z"
    assert band_path([], unit, unit) == ""


def test_a_chart_lists_its_figures_and_names_each_line_once():
    lines = [Line("a", [(1, 0.5), (2, 0.75)]), Line("b", [(2, 0.25)], dot=(2, 0.25)), Line("all", [(1, 0)], faint=True)]
    drawn = draw_lines(LineChart("t", "epoch", "y", lines, dots="kept"))
    assert [texts for _, texts in drawn.rows] == [["1", "0.5000", ""], ["2", "0.7500", "0.2500"]]
    assert [name for _, name in drawn.legend] == ["a", "b", "all", "kept"]
    assert [style for style, _, _ in drawn.dots] == ["s1"], "in the colour of its line"
    assert [style for style, _ in drawn.lines] == ["faint", "s0", "s1"]
    draw_lines(LineChart("t", "epoch", "y", [Line("never scored", [])]))


def test_the_rectangles_of_a_heat_map_cover_it_once():
    values = [[0.0, 0.5, 0.5], [1.0, 1.0, 0.2]]
    drawn = draw_heat(HeatMap("t", "x", "y", "z", [0, 1, 3], [0, 2], values, 0.4, (1, 0)))
    left, top, right, bottom = drawn.frame
    area = 0.0
    for _, path in drawn.cells:
        for part in path.removesuffix("Z").split("Z"):
            start, rest = part[1:].split("H", 1)
            x0, y0 = map(float, start.split())
            x1, y1, _ = (float(word) for word in rest.replace("V", " ").replace("H", " ").split())
            area += (x1 - x0) * (y1 - y0)
    assert area == pytest.approx((right - left) * (bottom - top))
    assert [len(texts) for _, _, texts in drawn.rows] == [3, 3]


def test_ranges_of_one_axis_share_their_scale_and_bars_the_longest():
    columns = [Column("a", draw="range", axis="x"), Column("b", draw="range", axis="x"), Column("c", draw="range")]
    row = [Cell("", 0.5, 0.4, 0.6), Cell("", 0.5), Cell("", 9.0)]
    table = Table("t", columns, [row, [Cell("–", ""), Cell("", 0.9, marks=(0.1,)), Cell("", 8.0)]])
    first, second = draw_range(table, 0, row[0]), draw_range(table, 1, row[1])
    assert first.value == second.value == 70
    assert draw_range(table, 0, Cell("–", "")) is None
    assert [share_of_bar(table, 2, row[2]) for row in table.rows] == [1.0, 0.889]
