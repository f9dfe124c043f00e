"""Output of the commands: results on stdout, as text or as JSON; the next command on stderr (cli.listener)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.listener import completed
from cli.options import Settings
from core.command import Command

if TYPE_CHECKING:
    from cli.tables.page import Page

PIPE = 140  # characters of a line where there is no terminal


def show(settings: Settings, document: Any, render: Callable[[Page], None]) -> None:
    """Print the result on stdout: one JSON document with --json, else what `render` prints on a page.

    With --csv the tables of the page are written to files, too.
    """
    if settings.json:
        click.echo(json.dumps(document, allow_nan=False))
        if settings.csv is None:
            return
    from cli.tables.page import Page

    # A pipe has no width of its own; tables are not to be folded at 80 columns there, unless that is asked for.
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    page = Page(None if has_width else PIPE, whole=settings.wide, wrapped=has_width, quiet=settings.json)
    render(page)
    if page.left_out and any(each.name == "wide" for each in click.get_current_context().command.params):
        settings.listener.info(f"--wide also shows: {', '.join(dict.fromkeys(page.left_out))}")
    for path in page.write_csv(settings.csv) if settings.csv else ():
        settings.listener.info(f"wrote {path}")


def submit_step(ensemble: str | None = None) -> Command:
    """Command that writes a submission under a name that is not taken in this folder."""
    names = chain(["submission.csv"], (f"submission-{number}.csv" for number in count(2)))
    return Command("submit", out=next(name for name in names if not Path(name).exists()), ensemble=ensemble)


def next_step(settings: Settings, command: Command) -> None:
    """Print the next command to type, with the common options of this call."""
    if not settings.json:
        settings.listener.info(f"next: {completed(command, settings.typed)}")
