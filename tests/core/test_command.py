"""Commands as data, and what errors and listeners make of them."""

import pickle
import shlex

from core.command import Command
from core.errors import UnknownName, UserError
from core.listener import SILENT


def test_options_become_words_that_a_shell_takes_back():
    command = Command("zoo train", "lite0", fold="0", with_val=True, start=None, set=["a=1", "b='x y'"])
    given = ["--fold", "0", "--with-val", "--set", "a=1", "--set", "b='x y'"]
    assert command.words == ["cli", "zoo", "train", "lite0", *given]
    assert shlex.split(str(command)) == command.words


def test_an_option_is_found_by_its_name():
    assert Command("zoo train", data="x").has_option("--data")
    assert not Command("zoo train").has_option("--data")


def test_an_error_says_its_command_last():
    error = UserError("folds.csv: is absent", do=Command("data folds", k=5))
    assert str(error) == "folds.csv: is absent; run: cli data folds --k 5"
    assert error.what == "folds.csv: is absent"


def test_errors_survive_a_worker_process():
    for error in (UserError("torn", do=Command("zoo verify")), UnknownName("loss", "dise", ["dice"])):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.do) == (type(error), str(error), error.do)


def test_the_silent_listener_changes_nothing():
    with SILENT.task("folds", 3):
        SILENT.advance(2, status="x")
    assert SILENT.note("n") is SILENT.warn("w", do=Command("demo")) is SILENT.info("i") is None
