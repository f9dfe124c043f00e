"""Terminal listener: notes, warnings and a progress bar on stderr, with commands that name the user's data and runs."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from cli.inert import one_line
from core.command import Command
from core.errors import advised


class Terminal:
    """Listener that prints on stderr.

    typed: the common options as they were typed, for `completed`. verbosity: below 0 prints nothing and draws no bar,
    above 0 prints details too.
    """

    def __init__(self, typed: str = "", verbosity: int = 0) -> None:
        self.typed = typed
        self.verbosity = verbosity
        self._bars: list[Any] = []  # of nested tasks, the innermost last

    def info(self, text: str, do: Command | None = None) -> None:
        if self.verbosity >= 0:
            click.echo(one_line(advised(text, completed(do, self.typed))), err=True)

    def note(self, text: str, do: Command | None = None) -> None:
        self.info(f"note: {text}", do)

    def warn(self, text: str, do: Command | None = None) -> None:
        self.info(f"warning: {text}", do)

    def detail(self, text: str) -> None:
        if self.verbosity > 0:
            self.info(text)

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[None]:
        if self.verbosity < 0 or not sys.stderr.isatty():
            yield
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from cli.console import InertConsole

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}", markup=False),
        )
        with Progress(*columns, console=InertConsole(stderr=True)) as bar:
            bar.add_task(one_line(name), total=total, status="")
            self._bars.append(bar)
            try:
                yield
            finally:
                self._bars.pop()

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        if not self._bars:
            return
        bar = self._bars[-1]
        if status is not None:
            bar.update(bar.task_ids[0], status=status)
        bar.advance(bar.task_ids[0], steps)


def completed(command: Command | str | None, typed: str) -> str | None:
    """Command as the user should type it: with the common options of this call, but for those that it names itself.

    A text is the command of another program.

    >>> completed(Command("report", data="DIR"), " --data scenes --runs 'my runs'")
    "cli report --data DIR --runs 'my runs'"
    """
    if not isinstance(command, Command):
        return command
    words = shlex.split(typed)
    kept = [(option, value) for option, value in zip(words[::2], words[1::2]) if not command.has_option(option)]
    return str(command) + "".join(f" {option} {shlex.quote(value)}" for option, value in kept)
