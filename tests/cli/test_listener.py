"""Terminal listener: what is printed at which verbosity."""

import pytest

from cli.listener import Terminal
from core.command import Command


@pytest.mark.parametrize(
    ("verbosity", "printed"),
    [
        (-1, ""),
        (0, "i\nnote: n; run: cli zoo verify --runs r\nwarning: w\n"),
        (1, "i\nnote: n; run: cli zoo verify --runs r\nwarning: w\nd\n"),
    ],
)
def test_verbosity_chooses_what_is_printed(capsys, verbosity, printed):
    listener = Terminal(" --runs r", verbosity)
    listener.info("i")
    listener.note("n", Command("zoo verify"))
    listener.warn("w")
    listener.detail("d")
    with listener.task("t", 2):  # stderr is no terminal: no bar
        listener.advance()
    assert capsys.readouterr() == ("", printed)
