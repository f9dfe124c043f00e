"""Output of commands: results on stdout, progress and notes on stderr, JSON on demand."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cli.listener import completed
from cli.options import Settings
from core.command import Command
from core.errors import UserError
from core.files import require_folder as require_folder

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.data import Scenes

Advance = Callable[..., None]

# What a message says to run, after a colon, where that reads data or runs: up to what cannot be of the command.
HINT = re.compile(
    r"(?<!note)(?<!next): (cli (?:zoo (?:train|predict|leaderboard)|ensemble fit|data (?:check|folds)|submit)\b"
    r"(?:'[^']*'|,(?! )|[^';,()\n])*?)(?= *(?:[;()\n]|, |$))"
)


def show(settings: Settings, document: Any, render: Callable[[Console], None]) -> None:
    """The result: one JSON document with --json, else what `render` prints on a console of stdout."""
    if settings.json:
        click.echo(json.dumps(document, allow_nan=False))
        return
    from rich.console import Console

    # A pipe has no width of its own; tables are not to be folded at 80 columns there, unless that is asked for.
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(highlight=False, width=None if has_width else 140)
    render(console)


def require_test(settings: Settings, scenes: Scenes) -> None:
    """UserError if there is nothing to predict for a submission."""
    if not scenes.test:
        raise UserError(f"{', '.join(map(str, settings.data))}: holds no test records; name a source that does")


def say(settings: Settings, text: str) -> None:
    """A note on stderr; none with --quiet."""
    if settings.verbosity >= 0:
        click.echo(complete(text, settings.typed), err=True)


def complete(text: str, typed: str) -> str:
    """The message whose first hint, such as "run: cli ensemble fit", speaks of the data and runs that were typed."""
    return HINT.sub(lambda hint: _of_typed(hint[0], typed), text, count=1)


def _of_typed(command: str, typed: str) -> str:
    """A command that names its own data says nothing of those that were typed."""
    return command if "--data" in command else command + typed


def say_note(settings: Settings, text: str) -> None:
    """What the user should know, though nothing is at fault in the call."""
    say(settings, f"note: {text}")


def say_left_out(settings: Settings, refusal: Exception) -> None:
    """Who was asked for and is not among those that are used, and why."""
    say_note(settings, f"left out: {refusal}")


def next_step(settings: Settings, command: Command | str) -> None:
    """Print the next command to type, with the common options of this call."""
    if settings.json:
        return
    if isinstance(command, Command):
        settings.listener.info(f"next: {completed(command, settings.typed)}")
    else:
        say(settings, f"next: {_of_typed(command, settings.typed)}")


@contextmanager
def progress(settings: Settings, description: str, total: int | None) -> Iterator[Advance]:
    """A bar with the time left on stderr; silent with --quiet or where stderr is no terminal.

    Gives `advance(n=1, note="")`.
    """
    if settings.verbosity < 0 or not sys.stderr.isatty():
        yield lambda n=1, note="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total, note="")

        def advance(n: int = 1, note: str | None = None) -> None:
            if note is not None:
                bar.update(task, note=note)
            bar.advance(task, n)

        yield advance
