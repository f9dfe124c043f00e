"""After a fault at any point: one line, and the same command again gives the bytes of an undisturbed run.

Some points and kinds of each command, drawn by a fixed seed; `make soak` takes all of them, and kills in a row.
"""

import random

import pytest

from tests.faults.commands import COMMANDS
from tests.faults.cycles import Start, check_fault
from tests.faults.shim import KINDS

SHORT = [name for name, command in COMMANDS.items() if command.points]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """The folders that commands start from."""
    return Start(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("name", SHORT)
def test_a_fault_and_the_same_command_again_give_the_bytes_of_an_undisturbed_run(start: Start, name: str) -> None:
    for at, kind in drawn(start, name):
        check_fault(start, name, at, kind)


def drawn(start: Start, name: str) -> list[tuple[int, str]]:
    """Faults of the short form: as many of each kind as there is room for, the first kind in turn over commands."""
    draw, every = random.Random(name), start.faults(name)
    kinds = list(KINDS)[SHORT.index(name) % len(KINDS) :] + list(KINDS)[: SHORT.index(name) % len(KINDS)]
    of_kind = {kind: draw.sample(some, len(some)) for kind in kinds if (some := [f for f in every if f[1] == kind])}
    rounds = max(map(len, of_kind.values()))
    in_turn = [faults[row] for row in range(rounds) for faults in of_kind.values() if row < len(faults)]
    return in_turn[: COMMANDS[name].points]
