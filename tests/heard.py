"""Listener that remembers what it heard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.command import Command
from core.errors import advised
from core.listener import Silent


class Heard(Silent):
    """Texts by kind, in order; steps, and those of each task: [total, done]. Calls `on_advance` at each step."""

    def __init__(self, on_advance: Callable[[], object] = lambda: None) -> None:
        self.infos: list[str] = []
        self.details: list[str] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.steps: list[int] = []
        self.tasks: dict[str, list[int | None]] = {}
        self._open: list[str] = []
        self._on_advance = on_advance

    def info(self, text: str, do: Command | None = None) -> None:
        self.infos.append(advised(text, do))

    def note(self, text: str, do: Command | None = None) -> None:
        self.notes.append(advised(text, do))

    def warn(self, text: str, do: Command | None = None) -> None:
        self.warnings.append(advised(text, do))

    def detail(self, text: str) -> None:
        self.details.append(text)

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[None]:
        self.tasks[name] = [total, 0]
        self._open.append(name)
        yield
        self._open.pop()

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        self.steps.append(steps)
        if self._open:
            self.tasks[self._open[-1]][1] += steps
        self._on_advance()
