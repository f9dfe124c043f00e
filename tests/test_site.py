"""The docs build into a site without a broken link, and its references hold every command and public name."""

import html
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from zoo.members.meanings import meanings
from zoo.members.recipe import AUGMENTATION_NAMES, KEYS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    call = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_reached_from_the_navigation(site):
    start = (site / "index.html").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.stem == "index" or f'href="{page.stem}/"' in start, page.name


def test_the_references_hold_what_the_code_has(site):
    commands = (site / "commands" / "index.html").read_text()
    assert "Usage: cli zoo train" in commands and "--fold" in commands
    functions = (site / "functions" / "index.html").read_text()
    assert 'id="ensemble.arrays.fit"' in functions and 'id="zoo.workflows.train.train"' in functions


def test_no_page_fetches_anything(site):
    for page in site.rglob("*.html"):
        assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', page.read_text()), page


def hook():
    """The module docs/site.py."""
    found = spec_from_file_location("docs_site", ROOT / "docs" / "site.py")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_every_key_is_described_at_its_field_and_on_the_page_of_keys(site):
    assert meanings().keys() == KEYS.keys()
    page = (site / "keys" / "index.html").read_text()
    assert [name for name in KEYS if f"<code>{name}</code>" not in page] == []
    assert "the path of a file of the encoder's weights" in html.unescape(page)


def test_the_page_of_keys_is_up_to_date():
    page = (ROOT / "docs" / "keys.md").read_text()
    assert hook().keys_page(page) == page, "python docs/site.py"


def test_no_page_describes_a_key_by_hand():
    names = "|".join({*KEYS} - {*AUGMENTATION_NAMES})
    row = re.compile(rf"^\| `(?:{names})`(?:, `(?:{names})`)* \| (?!description).*", re.M)
    made = hook()
    found = {
        page.name: row.findall(re.sub(f"{made.BEGIN}.*{made.END}", "", page.read_text(), flags=re.S))
        for page in (ROOT / "docs").glob("*.md")
    }
    assert {name: rows for name, rows in found.items() if rows} == {}
