"""Every table at 80, 100 and 140 columns; `python -m tests.cli.tables.test_snapshots` writes the snapshots anew."""

import io
from pathlib import Path

import pytest

from cli.tables.columns import ELLIPSIS
from cli.tables.page import Page
from tests.cli.tables.cases import NAMES, TABLES

SNAPSHOTS = Path(__file__).parent / "snapshots"
WIDTHS = (80, 100, 140)


def printed(name: str, width: int, **options: bool) -> str:
    page = Page(width, file=io.StringIO(), **options)
    TABLES[name](page)
    return "\n".join(line.rstrip() for line in page.file.getvalue().splitlines()) + "\n"


def snapshot(name: str) -> str:
    return "\n".join(f"== {width} columns\n{printed(name, width)}" for width in WIDTHS)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_looks_as_it_did(name):
    assert snapshot(name) == (SNAPSHOTS / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_fits_and_tells_names_apart(name, width):
    page = Page(width, file=io.StringIO())
    TABLES[name](page)
    assert all(len(line) <= width for line in page.file.getvalue().splitlines())
    for _, columns in page.tables:
        names = [cell for column in columns for cell in column.cells if cell in NAMES]
        shown = {word for line in page.file.getvalue().splitlines() for word in line.split() if ELLIPSIS in word}
        assert not names or not shown or len(shown) >= len(set(names))


@pytest.mark.parametrize("name", TABLES)
def test_a_wide_page_and_csv_leave_nothing_out(name, tmp_path):
    page = Page(80, whole=True, file=io.StringIO())
    TABLES[name](page)
    text = page.file.getvalue()
    for path, (_, columns) in zip(page.write_csv(tmp_path / "table.csv"), page.tables, strict=True):
        assert path.read_text().splitlines()[0].count(",") >= len(columns) - 1
        for column in columns:
            assert column.empty or column.title in text
    assert ELLIPSIS not in text


if __name__ == "__main__":
    for each in TABLES:
        (SNAPSHOTS / f"{each}.txt").write_text(snapshot(each))
