"""After a fault at any write point: one line, and the same command again gives the bytes of an undisturbed run.

The short form takes some points of each command, the long one (`make soak`) all of them, and random kills in a row.
"""

import random
import shutil
from pathlib import Path

import pytest

from tests.faults.commands import COMMANDS, call, content, copy, disturbed, template
from tests.faults.shim import KINDS, Shim


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that every command starts from."""
    folder = tmp_path_factory.mktemp("template")
    template(folder)
    return folder


def undisturbed(start: Path, folder: Path, name: str) -> tuple[dict[str, object], int]:
    """What a command leaves without a fault, and the number of its write points."""
    root = copy(start, folder / "undisturbed")
    with Shim(root).active() as shim:
        code, errors = call(COMMANDS[name].line, root)
    assert code == 0, errors
    return content(root), len(shim.points)


def check_fault(start: Path, root: Path, line: str, at: int, kind: str, expected: dict[str, object]) -> None:
    """Inject one fault, run the same command again, compare all files."""
    copy(start, root)
    code, errors = disturbed(line, root, at, kind)
    lines = errors.splitlines()
    assert kind == "SIGKILL" or code in (0, 1), errors
    assert sum(each.startswith("error: ") for each in lines) == (code == 1), errors
    assert "Traceback" not in errors
    code, errors = call(line, root)
    assert code == 0, errors
    found = content(root)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    shutil.rmtree(root)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_fault_and_the_same_command_again_give_the_bytes_of_an_undisturbed_run(
    start: Path, tmp_path: Path, name: str
) -> None:
    expected, points = undisturbed(start, tmp_path, name)
    every = [(at, kind) for at in range(points) for kind in KINDS]
    for at, kind in random.Random(name).sample(every, min(len(every), COMMANDS[name].points)):
        check_fault(start, tmp_path / f"{at}-{kind}", COMMANDS[name].line, at, kind, expected)


@pytest.mark.soak
@pytest.mark.parametrize("name", COMMANDS)
def test_every_fault(start: Path, tmp_path: Path, name: str) -> None:
    expected, points = undisturbed(start, tmp_path, name)
    for at in range(points):
        for kind in KINDS:
            check_fault(start, tmp_path / f"{at}-{kind}", COMMANDS[name].line, at, kind, expected)
    print(f"{name}: {points} write points, {points * len(KINDS)} faults")


@pytest.mark.soak
@pytest.mark.parametrize("name", COMMANDS)
def test_kills_in_a_row(start: Path, tmp_path: Path, name: str) -> None:
    """A command that is killed again and again, at random points, ends as one that was never killed."""
    expected, points = undisturbed(start, tmp_path, name)
    chosen = random.Random(name)
    for cycle in range(40):
        root = copy(start, tmp_path / str(cycle))
        for _ in range(chosen.randint(1, 6)):
            disturbed(COMMANDS[name].line, root, chosen.randrange(points), "SIGKILL")
        code, errors = call(COMMANDS[name].line, root)
        assert code == 0, errors
        assert content(root) == expected
