"""Output of the commands: results on stdout, as text or as JSON; the next command on stderr (cli.listener)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.listener import completed
from cli.options import Settings
from core.command import Command

if TYPE_CHECKING:
    from rich.console import Console


def show(settings: Settings, document: Any, render: Callable[[Console], None]) -> None:
    """Print the result on stdout: one JSON document with --json, else what `render` prints on a console."""
    if settings.json:
        click.echo(json.dumps(document, allow_nan=False))
        return
    from rich.console import Console

    # A pipe has no width of its own; tables are not to be folded at 80 columns there, unless that is asked for.
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(highlight=False, width=None if has_width else 140)
    render(console)


def next_step(settings: Settings, command: Command) -> None:
    """Print the next command to type, with the common options of this call."""
    if not settings.json:
        settings.listener.info(f"next: {completed(command, settings.typed)}")
