"""Shells complete names of members, ensembles, folds and splits, at once and without loading anything heavy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.app import run
from tests.cli.test_app import HEAVY, loaded_by
from zoo.data import Assignment, Folds, write_folds
from zoo.runs import Store

BIN = Path(sys.executable).parent


@pytest.fixture
def folder(tmp_path):
    store = Store(tmp_path / "runs")
    write_folds(store.folds, Folds(tuple(Assignment(str(n), n % 3) for n in range(6))))
    (store.root / "members" / "mine" / "0123456789ab").mkdir(parents=True)
    (store.root / "predictions" / "nnunet" / "abc").mkdir(parents=True)
    store.ensemble("best-of-all").parent.mkdir(parents=True)
    store.ensemble("best-of-all").write_text("{}")
    (tmp_path / "contrails.toml").write_text('[lineups]\nmy-line-up = ["mine"]\n')
    return tmp_path


CASES = {
    "cli zoo train mi": ["mine"],
    "cli zoo train my": ["my-line-up"],
    "cli zoo show mine@0": ["mine@0123456789ab"],
    "cli zoo leaderboard nn": ["nnunet"],
    "cli zoo show lite0-fc-t5-e": ["lite0-fc-t5-ema"],
    "cli zoo train --log t": ["tensorboard"],
    "cli zoo train --set min_": ["min_lr="],
    "cli zoo predict m": ["mine", "my-line-up"],
    "cli zoo train --fold ": ["0", "1", "2", "all", "full"],
    "cli ensemble show b": ["best-of-all"],
    "cli submit --ensemble b": ["best-of-all"],
    "cli zoo errors b": ["best-of-all"],
    "cli ensemble fit --members mine,nn": ["mine,nnunet"],
    "cli ensemble fit --members nnunet,": ["nnunet,my-line-up"],
    "cli ensemble fit --method gr": ["greedy"],
    "cli zoo errors ": ["best-of-all", "my-line-up", "nnunet"],
    "cli submissions score x.csv --split l": ["labelled"],
    "cli zoo remove ": ["best-of-all", "mine", "nnunet"],
    "cli zoo remove mine@": ["mine@0123456789ab"],
    "cli zoo remove nnunet@a": ["nnunet@abc"],
    "cli zoo predict --tta f": ["flips"],
}


@pytest.mark.parametrize("typed", CASES)
def test_names_are_completed(typed, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("_CLI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    with pytest.raises(SystemExit):
        run([])
    assert [line.removeprefix("plain,") for line in capsys.readouterr().out.splitlines()] == CASES[typed]


def test_completion_of_names_loads_nothing_heavy_and_takes_little():
    words = "dict(_CLI_COMPLETE='bash_complete', COMP_WORDS='cli zoo train lite', COMP_CWORD='3')"
    code = f"import cli.app, os\nos.environ |= {words}\ntry: cli.app.run([])\nexcept SystemExit: pass"
    assert not loaded_by(code) & HEAVY
    probe = f"import time\n{code}\nprint(time.process_time())"
    took = [
        float(subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout.split()[-1])
        for _ in range(3)
    ]
    assert min(took) < 0.2  # seconds of the processor, the interpreter's start included


def in_shell(*command, folder):
    environment = os.environ | {"PATH": f"{BIN}:/bin:/usr/bin"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_bash_completes_by_the_script_that_is_printed(folder):
    script = """eval "$(cli completion bash)"; COMP_WORDS=(cli zoo train mi); COMP_CWORD=3; _cli_completion cli mi train
    echo "${COMPREPLY[@]}" """
    assert in_shell("bash", "-c", script, folder=folder) == ["mine"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here: apt-get install fish")
def test_fish_completes_by_the_script_that_is_printed(folder):
    script = 'cli completion fish | source; complete -C "cli zoo train mi"'
    assert in_shell("fish", "-c", script, folder=folder) == ["mine"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here: apt-get install zsh")
def test_zsh_completes_by_the_script_that_is_printed(folder):
    # Outside of its line editor zsh has no list of matches to add to: the function's own calls are looked at.
    script = """compdef() { :; }; eval "$(cli completion zsh)"; _describe() { :; }
    compadd() { print -r -- ${(P)${@[-1]}}; }; words=(cli zoo train mi); CURRENT=4; _cli_completion"""
    assert in_shell("zsh", "-f", "-c", script, folder=folder) == ["mine"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_another_shell_parses(shell, tmp_path, capsys):
    assert run(["completion", shell]) == 0
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    assert f"_CLI_COMPLETE={shell}_complete" in script.read_text()
    if shutil.which(shell):
        assert subprocess.run([shell, "-n", str(script)]).returncode == 0
