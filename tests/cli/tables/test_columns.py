"""Columns drop before names are cut, names stay different where that is possible, and csv holds everything."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from cli.tables.columns import EMPTY, GAP, Column, as_csv, cut_in_the_middle, fit, visible_columns
from cli.tables.page import Page

TEXTS = st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40), min_size=1)


@given(TEXTS, st.integers(3, 50))
def test_a_cut_text_is_no_longer_than_its_room_and_keeps_its_ends(texts, width):
    for text, cut in zip(texts, cut_in_the_middle(texts, width), strict=True):
        assert len(cut) <= width
        head, mark, tail = cut.partition("…")
        if not mark:
            assert cut == text
        elif head or not tail.endswith("…"):
            assert text.startswith(head) and text.endswith(tail)
        else:
            assert tail[:-1] in text


@given(st.integers(0, 30), st.integers(0, 30), st.integers(2, 12))
def test_names_that_differ_in_one_place_stay_different(before, behind, count):
    names = ["a" * before + chr(ord("b") + number) + "z" * behind for number in range(count)]
    assert len(set(cut_in_the_middle(names, 10))) == count


@given(TEXTS, st.integers(20, 120))
def test_no_name_is_cut_while_a_column_could_drop(texts, width):
    columns = [Column("name", tuple(texts), 0, numbers=False), Column("figure", ("1.000",) * len(texts), 1)]
    shown = visible_columns(columns, width)
    (names, room), *_ = fit(shown, width)
    assert room <= max(width, 8)
    if names.cells != columns[0].cells:
        assert len(shown) == 1
    assert (len(shown) == 2) == (columns[0].width + GAP + columns[1].width <= width)


@given(TEXTS)
def test_a_csv_gives_every_cell_back(texts):
    columns = [Column("name", tuple(texts), 0, numbers=False), Column("Dice", (EMPTY,) * len(texts), 9)]
    head, *rows = csv.reader(io.StringIO(as_csv(columns)))
    assert head == ["name", "Dice"]
    assert rows == [[text, ""] for text in texts]


def test_prose_is_wrapped_between_words_and_not_within_an_interval():
    page = Page(40, file=io.StringIO())
    page.say("against the best single member: +0.0021 [-0.0018, +0.0060], cross-fitted")
    assert page.file.getvalue().splitlines() == [
        "against the best single member: +0.0021",
        "[-0.0018, +0.0060], cross-fitted",
    ]


def test_further_tables_go_to_files_named_after_their_titles(tmp_path):
    page = Page(40, file=io.StringIO())
    for title in ("", "Band differences: percentiles", "Labels; percentiles"):
        page.table([Column("a", ("1",), 0)], title)
    names = [path.name for path in page.write_csv(tmp_path / "stats.csv")]
    assert names == ["stats.csv", "stats-band-differences.csv", "stats-labels.csv"]
