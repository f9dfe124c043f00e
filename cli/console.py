"""Console that prints text as it is: tables and lines whose words may come from others."""

from typing import Any

from rich.console import Console
from rich.text import Text

from cli.inert import inert


class InertConsole(Console):
    """Console of inert text, without markup, emoji codes or highlighting."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(inert(text), **{**how, "markup": False, "emoji": False, "highlight": False})
