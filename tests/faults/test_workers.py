"""A worker that the kernel kills ends the command by one line; the same command goes on with what is complete."""

import os
import signal

import pytest

from cli.app import run
from tests.faults.commands import content

SYNTH = "data synth {} --train 2 --validation 0 --test 0 --jobs {}"


def test_a_killed_worker_of_a_pool_is_a_line_and_the_same_command_goes_on(tmp_path, monkeypatch, capsys):
    from joblib import delayed

    from zoo.data.synth import write

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    real = delayed
    monkeypatch.setattr(write, "delayed", lambda work: real(die))
    assert run(SYNTH.format(tmp_path / "a", 2).split()) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error: "))
    assert "a worker process was killed" in line
    monkeypatch.setattr(write, "delayed", real)
    for name in "ab":
        assert run(SYNTH.format(tmp_path / name, 1).split()) == 0
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_sqlite_is_reached(tmp_path):
    """Without its table of calls, no fault of a search would be injected below Python."""
    import sqlite3

    from tests.faults.sqlite_calls import sqlite_calls

    seen = []
    with sqlite_calls(lambda call, where, half: seen.append(call) or False) as is_reached:
        if not is_reached:
            pytest.skip("SQLite is built into this interpreter, without its names")
        with sqlite3.connect(tmp_path / "a.sqlite") as database:
            database.execute("CREATE TABLE a (b)")
    assert {"sqlite open", "sqlite write", "sqlite unlink"} <= set(seen)
