"""One fault, or a series of kills, then the same command again: the bytes must be those of an undisturbed run."""

import random
import shutil
import time
from pathlib import Path
from typing import Any

from tests.faults.commands import (
    COMMANDS,
    Command,
    call,
    content,
    copy,
    disturbed,
    in_child,
    template,
    trained_template,
)
from tests.faults.shim import KINDS, SIGNALS, Shim, fits

CERTAIN = ("short", "clock")  # kinds that no command may notice


class Start:
    """Folders that commands start from, made once, and what each command leaves without a fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._undisturbed: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {}
        self._seconds: dict[str, float] = {}

    def template(self, command: Command) -> Path:
        """Folder that a command starts from."""
        folder = self.folder / ("trained" if command.trains else "imported")
        if not folder.exists():
            folder.mkdir(parents=True)
            (trained_template if command.trains else template)(folder)
        return folder

    def undisturbed(self, name: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """What a command leaves without a fault, and its points: call and name of the file."""
        if name not in self._undisturbed:
            command = COMMANDS[name]
            root = self.copy(name, "undisturbed")
            with Shim(root).active() as shim:
                code, errors = call(command.line, root)
            assert code == 0, errors
            self._undisturbed[name] = content(root), shim.points
            shutil.rmtree(root)
        return self._undisturbed[name]

    def seconds(self, name: str) -> float:
        """Time that a command takes without a fault."""
        if name not in self._seconds:
            root, before = self.copy(name, "timed"), time.monotonic()
            in_child(COMMANDS[name].line, root)
            self._seconds[name] = time.monotonic() - before
            shutil.rmtree(root)
        return self._seconds[name]

    def faults(self, name: str) -> list[tuple[int, str]]:
        """Every fault that can be injected into a command: number of the point, kind."""
        points = self.undisturbed(name)[1]
        return [(at, kind) for kind in KINDS for at, (where, _) in enumerate(points) if fits(kind, where)]

    def copy(self, name: str, as_name: str) -> Path:
        """New copy of the folder that a command starts from."""
        parent = self.folder / name.replace(" ", "_")
        parent.mkdir(exist_ok=True)
        shutil.rmtree(parent / as_name, ignore_errors=True)
        return copy(self.template(COMMANDS[name]), parent / as_name)


def check_fault(start: Start, name: str, at: int, kind: str) -> None:
    """Inject one fault, run the same command again, compare all files; AssertionError if anything differs."""
    expected, points = start.undisturbed(name)
    root = start.copy(name, f"{at}-{kind.replace(' ', '_')}")
    code, errors = disturbed(COMMANDS[name].line, root, at, kind)
    what = f"{name}: {kind} at {at}, {points[at]}: {code}, {errors}"
    assert code == -SIGNALS[kind] if kind == "SIGKILL" else code in (0, 1, *((130,) if kind in SIGNALS else ())), what
    assert code == 0 or kind not in CERTAIN, what
    assert sum(line.startswith("error: ") for line in errors.splitlines()) == (code > 0), what
    assert "Traceback" not in errors, what
    _go_on(name, root, expected, what)


def check_kills(start: Start, name: str, seed: str) -> int:
    """Kill a command and start it again, 1 to 6 times in a row; the number of times that a signal ended it.

    Each signal comes at a random moment of the time that the command takes, or at a random point, half done.
    """
    expected, points = start.undisturbed(name)
    seconds, line = start.seconds(name), COMMANDS[name].line
    draw = random.Random(seed)
    root = start.copy(name, f"cycle-{seed.split()[-1]}")
    told, kills = [], 0
    for _ in range(draw.randint(1, 6)):
        kind = draw.choice(("SIGKILL", "SIGKILL", "SIGTERM", "SIGINT"))
        at = draw.choice([at for at, (where, _) in enumerate(points) if fits(kind, where)])
        moment = draw.uniform(0, seconds)
        if draw.random() < 0.5:
            code, errors = in_child(line, root, Shim(root, at, kind).active())
            told.append(f"{kind} at {at}, {points[at]}: {code} {errors}")
        else:
            code, errors = in_child(line, root, send=(SIGNALS[kind], moment))
            told.append(f"{kind} after {moment:.3f} s: {code} {errors}")
        ended = code in (130, -SIGNALS[kind])
        kills += ended
        assert ended or code in (0, COMMANDS[name].again), "; ".join(told)
        assert "Traceback" not in errors, "; ".join(told)
    _go_on(name, root, expected, what="; ".join(told), alone=True)
    return kills


def _go_on(name: str, root: Path, expected: dict[str, Any], what: str, alone: bool = False) -> None:
    command = COMMANDS[name]
    code, errors = (in_child if alone else call)(command.line, root)
    assert code in (0, command.again), f"{what}\nthen {code}: {errors}"
    found = content(root)
    assert found.keys() == expected.keys(), f"{what}\n{sorted(found.keys() ^ expected.keys())}"
    assert [path for path in found if found[path] != expected[path]] == [], what
    shutil.rmtree(root)
