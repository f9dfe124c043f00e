"""Two commands on one folder at the same time: they take turns, wait or are refused by name, and nothing is lost."""

import shutil

import pytest

from tests.faults.commands import COMMANDS, Child, call, content
from tests.faults.cycles import Start

REFUSED = "wait until it ends or stop it"
# Commands that touch one artefact: ledger, leaderboard, folds, predictions of a member, runs of a member.
PAIRS = [
    ("log --import", "log --public"),
    ("submit", "log --import"),
    ("submit", "submit --force"),
    ("submit", "submit --format npy"),
    ("submit", "remove"),
    ("submit", "data folds --force"),
    ("leaderboard", "remove"),
    ("leaderboard", "import"),
    ("leaderboard", "data folds --force"),
    ("data check", "data pack"),
    ("fit", "remove"),
    ("fit", "leaderboard"),
    ("train", "predict"),
    ("predict", "predict, then submit"),
    ("predict", "pseudo"),
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """The folders that commands start from."""
    return Start(tmp_path_factory.mktemp("pairs"))


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.points])
def test_the_same_command_twice_at_once_ends_as_one(start: Start, name: str) -> None:
    command, expected = COMMANDS[name], start.undisturbed(name)[0]
    root = start.copy(name, "twice")
    ends = [child.end() for child in [Child(command.line, root) for _ in range(2)]]
    assert 0 in {code for code, _ in ends}, ends
    for code, errors in ends:
        assert "Traceback" not in errors, errors
        assert code in (0, command.again) or (code == 1 and REFUSED in errors), errors
    assert content(root) == expected
    shutil.rmtree(root)


@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
def test_two_commands_on_one_artefact_leave_it_whole(start: Start, names: tuple[str, str]) -> None:
    root = start.copy(names[0], "both")
    for _, errors in [child.end() for child in [Child(COMMANDS[name].line, root) for name in names]]:
        assert "Traceback" not in errors, errors
        assert sum(line.startswith("error: ") for line in errors.splitlines()) <= 1, errors
    code, errors = call("zoo verify --runs {root}/runs", root)
    assert code == 0, errors
    assert [path for path in root.rglob(".*") if path.suffix in (".lock", ".tmp")] == []
    shutil.rmtree(root)
