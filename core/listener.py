"""Listener: the one way in which a long computation reports notes, warnings and progress.

In: texts, the name and length of a task, steps done. Out: nothing; a listener never changes a result. Library functions
take `listener: Listener = SILENT`; the command line passes one that prints on stderr. Stays outside: terminals, files.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from core.command import Command


class Listener(Protocol):
    """Receiver of notes, warnings and progress. `do` is the command that fixes or continues what the text reports."""

    def info(self, text: str, do: Command | None = None) -> None:
        """Report the state of the work, such as an epoch's Dice."""

    def note(self, text: str, do: Command | None = None) -> None:
        """Report something that the user should know, though nothing is wrong."""

    def warn(self, text: str, do: Command | None = None) -> None:
        """Report something that probably needs the user's attention."""

    def detail(self, text: str) -> None:
        """Report a detail, such as steps and threads, that is shown only on demand."""

    def task(self, name: str, total: int | None = None) -> AbstractContextManager[None]:
        """Run a block as a task of `total` steps, which `advance` counts; the innermost of nested tasks counts them."""

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        """Count steps of the current task; `status` is a short text beside the bar, such as the newest Dice."""


class Silent:
    """Listener that ignores everything; subclass it to handle some of it."""

    def info(self, text: str, do: Command | None = None) -> None:
        return None

    def note(self, text: str, do: Command | None = None) -> None:
        return None

    def warn(self, text: str, do: Command | None = None) -> None:
        return None

    def detail(self, text: str) -> None:
        return None

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[None]:
        yield

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        return None


SILENT: Listener = Silent()
