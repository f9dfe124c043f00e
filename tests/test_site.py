"""The docs build into a site without a broken link, and its references hold every command and public name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
