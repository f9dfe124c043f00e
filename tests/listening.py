"""A listener for tests: it keeps what it hears."""

from contextlib import contextmanager

from core.errors import advised
from core.listener import Silent


class Heard(Silent):
    """Keeps notes as texts, steps, and each task's total and count; calls `on_advance` at each step."""

    def __init__(self, on_advance=lambda: None):
        self.notes = []
        self.steps = []
        self.tasks = {}
        self.on_advance = on_advance

    def note(self, text, do=None):
        self.notes.append(advised(text, do))

    @contextmanager
    def task(self, name, total=None):
        before = sum(self.steps)
        yield
        self.tasks[name] = (total, sum(self.steps) - before)

    def advance(self, steps=1, status=None):
        self.steps.append(steps)
        self.on_advance()
