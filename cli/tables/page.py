"""Page: a console on which tables fit, and which keeps them for `--csv`."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.console import InertConsole
from cli.tables.columns import Column, as_csv, as_table, visible_columns
from core.locks import write_output

WIDE = 100_000  # characters of a line: nothing is left out or cut


class Page(InertConsole):
    """Console with tables as wide as it is.

    width: characters; None: those of the terminal. whole: leave no column out, however wide the terminal is. wrapped:
    wrap prose at the width.
    """

    def __init__(self, width: int | None = None, whole: bool = False, wrapped: bool = True, **options: Any) -> None:
        super().__init__(width=WIDE if whole else width, **options)
        self._prose = self.width if wrapped else WIDE
        self.tables: list[tuple[str, Sequence[Column]]] = []
        self.left_out: list[str] = []  # titles of columns for which there was no room

    def table(self, columns: Sequence[Column], title: str = "", like: Sequence[Column] = ()) -> None:
        """Print a table under its title; see `as_table` for `like`."""
        self.tables.append((title, columns))
        if title:
            self.say(title)
        self.print(as_table(columns, self.width, like))
        shown = {column.title for column in visible_columns(like or columns, self.width)}
        self.left_out += [each.title for each in columns if each.title not in shown and not each.empty]

    def say(self, text: str) -> None:
        """Print prose, wrapped between words and never within brackets or paths."""
        glued = re.sub(r"\[[^\[\]]*\]|\([^()]{,30}\)", lambda found: found[0].replace(" ", "\0"), text)
        for line in glued.splitlines():
            wrapped = textwrap.wrap(line, self._prose, break_long_words=False, break_on_hyphens=False) or [""]
            self.print("\n".join(wrapped).replace("\0", " "), soft_wrap=True)

    def write_csv(self, file: Path) -> list[Path]:
        """Write the tables that were printed: the first to `file`, others beside it, named after their titles."""
        written: list[Path] = []
        for title, columns in self.tables:
            path = file.with_stem(f"{file.stem}-{_slug(title)}") if written else file
            write_output(path, as_csv(columns))
            written.append(path)
        return written


def _slug(title: str) -> str:
    """First words of a title, as a part of a file's name."""
    words = re.findall(r"[a-z0-9]+", re.split("[:;,]", title.lower())[0])
    return "-".join(words[:4]) or "more"
