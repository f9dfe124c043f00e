"""Pages: their HTML, whatever the names; their colours."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import webpage
from tests.webpage.cases import HOSTILE, page, parsed
from webpage import Page, Section, Table, render
from webpage.scales import colour, contrast, ink_on

STYLE = (Path(webpage.__file__).parent / "page.css").read_text()
COLOURS = dict(re.findall(r"--(\w+): light-dark\((#\w{6}, #\w{6})\)", STYLE))


def test_every_block_is_well_formed_and_a_missing_section_says_what_makes_it():
    found = parsed(render(page()))
    text = found.text()
    assert [own["id"] for own in found.all("section")] == ["all", "absent"]
    assert "no a & b; run: cli ensemble fit" in text
    assert {own.get("type") for own in found.all("input")} == {"checkbox", "range"}
    assert len(found.all("caption")) == 4
    assert text.count("0.51 [0.48, 0.54]") == 1


def test_a_hostile_name_is_text_wherever_it_stands():
    plain, hostile = parsed(render(page("plain"))), parsed(render(page(HOSTILE)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert hostile.text().count(HOSTILE) == plain.text().count("plain") > 8
    assert any(own.get("data-value") == HOSTILE for own in hostile.all("th"))


def test_the_policy_allows_the_own_script_alone():
    found = parsed(render(page()))
    policy = next(own["content"] for own in found.all("meta") if own.get("http-equiv") == "Content-Security-Policy")
    script = next(text for tag, text in found.texts if tag == "script")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_a_page_without_rows_or_sections_is_a_page():
    bare = Section("a", "A", [Table("t", [webpage.Column("x", draw="range")], [])])
    assert all("empty" in parsed(render(Page("empty", {}, sections))).text() for sections in ([], [bare]))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_texts_and_lines_have_the_contrast_of_wcag_aa(scheme):
    tones = {name: pair.split(", ")[scheme] for name, pair in COLOURS.items()}
    for ground in ("ground", "panel"):
        for text in ("ink", "soft", "accent"):
            assert contrast(tones[text], tones[ground]) >= 4.5, (text, ground)
    assert contrast(tones["ink"], tones["fill"]) >= 4.5
    lines = [name for name in tones if re.fullmatch(r"s\d", name)]
    assert len(lines) == 8
    assert all(contrast(tones[line], tones["panel"]) >= 3 for line in lines)


@given(st.floats(-1, 2))
def test_every_cell_of_a_matrix_can_be_read(share):
    assert contrast(ink_on(colour(share)), colour(share)) >= 4.5


def test_the_example_of_the_docs_runs():
    docs = (Path(webpage.__file__).parents[1] / "docs" / "report.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", docs, re.M | re.S)
    made: dict[str, str] = {}
    exec(block, made)
    assert "0.51" in parsed(made["html"]).text()
