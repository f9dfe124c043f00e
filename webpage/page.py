"""Rendering of a page: jinja2 templates with autoescape, one style sheet and one script, all in the file.

In: a `Page`. Out: HTML. The content policy of the page allows no request, and no script but the page's own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from webpage.blocks import Block, Page
from webpage.charts import draw_heat, draw_lines, draw_matrix, draw_range, share_of_bar

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
GENERATOR = "contrail-ensemble report"  # in the head of every page
CHARTS = ("lines", "heat")  # kinds of blocks that stand side by side


def render(page: Page) -> str:
    """Render a page as HTML."""
    script = (HERE / "page.js").read_text()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            generator=GENERATOR,
            style=(HERE / "page.css").read_text(),
            script=script,
            script_hash=_hash(script),
        )
    )


def is_page(path: Path) -> bool:
    """True if a file is a page that `render` made."""
    with path.open("rb") as file:
        return f'content="{GENERATOR}"'.encode() in file.read(1000)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = (draw_heat, draw_lines, draw_matrix, draw_range, share_of_bar)
    made.globals.update({make.__name__: make for make in drawn}, zip=zip, side_by_side=_side_by_side)
    return made


def _side_by_side(blocks: Sequence[Block]) -> list[tuple[bool, list[Block]]]:
    """Neighbouring blocks together: those that are charts, and those that are not."""
    return [(charts, list(some)) for charts, some in groupby(blocks, lambda block: block.kind in CHARTS)]


def _hash(script: str) -> str:
    """Hash of the script as a content policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
