"""Help answers at once and loads nothing heavy; rooms without torch stay without it; errors are one line."""

import re
import shlex
import signal
import subprocess
import sys
import threading
import weakref

import click
import pytest

from cli.app import COMMANDS, LazyCommand, command_names, interrupt_again, root, run

HEAVY = {"torch", "numpy", "scipy", "pandas", "numba", "timm", "matplotlib"}
EVERY = ["", *(name for name, entry in COMMANDS.items() if isinstance(entry, dict)), *command_names()]


def loaded_by(code: str) -> set[str]:
    probe = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()}


def test_help_of_every_command_loads_nothing_heavy():
    calls = "\n".join(f"assert run({[*command.split(), '--help']!r}) == 0" for command in EVERY)
    assert not loaded_by(f"from cli.app import run\n{calls}") & HEAVY


@pytest.mark.parametrize("command", ["--help", "zoo train --help", "ensemble fit --help"])
def test_help_costs_little(command):
    """CPU seconds of the whole process, so that a busy machine does not fail it."""
    code = (
        "import subprocess, sys, resource\n"
        f"subprocess.run([sys.executable, '-m', 'cli', *{command.split()!r}], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.5


@pytest.mark.parametrize("room", ["core", "ensemble", "submissions", "zoo.data", "zoo.predictions", "zoo.members"])
def test_a_room_loads_without_torch(room):
    assert not loaded_by(f"import {room}") & {"torch", "timm", "segmentation_models_pytorch"}


MISTYPED = {
    "zoo trian": "error: No such command 'trian'. Did you mean 'train'? (see: cli zoo --help)",
    "ensembel": "error: No such command 'ensembel'. Did you mean 'ensemble'? (see: cli --help)",
    "zoo xyz": (
        "error: No such command 'xyz'; there are: list, show, weights, train, tune, predict, pseudo, tta, export, "
        "leaderboard, errors, remove, import, verify (see: cli zoo --help)"
    ),
    "zoo train --fodl 3": "error: No such option '--fodl'. (Did you mean one of: '--fold', '--from', '--on'?) "
    "(see: cli zoo train --help)",
}


@pytest.mark.parametrize("typed", MISTYPED)
def test_a_mistyped_word_is_answered_with_the_nearest(typed, capsys):
    assert run(typed.split()) == 2
    assert capsys.readouterr().err == MISTYPED[typed] + "\n"


def completed(monkeypatch, shell, words):
    """What the shell's completion is told for the last of `words`."""
    monkeypatch.setenv("_CLI_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1) if shell != "fish" else words.split(" ")[-1])
    with pytest.raises(SystemExit) as ended:
        run([])
    return ended.value.code


COMPLETED = {
    ("bash", "cli zoo tr"): ["plain,train"],
    ("bash", "cli submissions "): ["plain,check", "plain,score", "plain,log"],
    ("bash", "cli zoo train --fo"): ["plain,--fold"],
    ("zsh", "cli en"): ["plain", "ensemble", "Fit, show and compare ensembles."],
    ("fish", "cli en"): ["plain", "ensemble", "Fit, show and compare ensembles."],
}


@pytest.mark.parametrize(("shell", "words"), COMPLETED)
def test_a_shell_completes_commands_and_options(shell, words, monkeypatch, capsys):
    assert completed(monkeypatch, shell, words) == 0
    out = capsys.readouterr().out
    # Releases of click put commas, tabs or line ends between what they say to fish.
    assert (re.split("[,\t\n]", out.strip(), maxsplit=2) if shell == "fish" else out.splitlines()) == COMPLETED[
        shell, words
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_calls_cli(shell, monkeypatch, capsys):
    monkeypatch.setenv("_CLI_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit) as ended:
        run([])
    assert ended.value.code == 0
    assert f"_CLI_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_completion_of_commands_imports_none_of_them():
    code = (
        "import cli.app, os, sys\n"
        "os.environ |= dict(_CLI_COMPLETE='bash_complete', COMP_WORDS='cli zoo ', COMP_CWORD='2')\n"
        "try: cli.app.run([])\n"
        "except SystemExit: assert not any(name.startswith('cli.commands.') for name in sys.modules)"
    )
    assert not loaded_by(code) & HEAVY


def test_a_folder_with_packages_of_the_same_names_is_no_hindrance(tmp_path):
    """Neither for `python -m cli` nor for its worker processes."""
    for room in ("core", "zoo", "ensemble", "submissions", "pipeline"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise SystemExit('the wrong room')")
    (tmp_path / "cli").mkdir()
    words = ["data", "synth", "scenes", "--train", "2", "--validation", "0", "--test", "0", "--jobs", "2"]
    done = subprocess.run([sys.executable, "-m", "cli", *words], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (0, ["next: cli data check --data scenes"])


@pytest.mark.parametrize("command", list(command_names()))
def test_every_option_says_what_it_does(command):
    group, _, own = command.partition(" ")
    params = LazyCommand(command, *(COMMANDS[group][own] if own else COMMANDS[group])).load().params
    assert [each.opts for each in params if isinstance(each, click.Option) and not each.hidden and not each.help] == []


@pytest.mark.parametrize("command", list(command_names()))
def test_the_example_of_a_command_can_be_typed(command, capsys):
    """It parses, whatever it would then find; help shows it."""
    assert run([*command.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.partition("Example: ")[2].split())
    words = shlex.split(shown)
    assert words[: 1 + len(command.split())] == ["cli", *command.split()]
    group, rest = root, words[1:]
    while isinstance(group, click.Group):
        name, group, rest = group.resolve_command(click.Context(group), rest)
    assert group.make_context(name, rest).params


def test_versions_are_told_without_importing_anything(capsys):
    assert run(["--version"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("cli, version ")
    assert all(f"{name} " in told for name in ("python", "numpy", "torch", "timm", "segmentation-models-pytorch"))
    assert not loaded_by("from cli.app import run\nrun(['--version'])") & HEAVY


def test_an_interrupt_is_one_line_and_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.members.table.member_names", interrupted)
    assert run(["zoo", "list"]) == 130
    assert capsys.readouterr().err.strip() == "error: interrupted; run the same command again to go on"


def test_every_group_says_what_it_is_for(capsys):
    assert run(["--help"]) == 0
    help_text = capsys.readouterr().out
    assert all(name in help_text for name in COMMANDS)


@pytest.mark.parametrize("group", ["", *(name for name, entry in COMMANDS.items() if isinstance(entry, dict))])
def test_a_group_without_a_command_shows_its_help(group, capsys):
    assert run(group.split()) == 2
    told = capsys.readouterr()
    assert told.out.startswith("Usage: cli")
    assert told.err == ""


def test_the_next_command_speaks_of_the_same_data_and_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my scenes").mkdir()
    assert run(["zoo", "list", "--data", "my scenes", "--runs", str(tmp_path)]) == 0
    *_, last = capsys.readouterr().err.splitlines()
    assert last == f"next: cli zoo show MEMBER --data 'my scenes' --runs {tmp_path}"


def test_the_hint_of_an_error_runs_as_typed(tmp_path, capsys):
    """Whatever folder the user stands in: the command that is advised makes the file that was missing."""
    data, runs = tmp_path / "my data", tmp_path / "my runs"
    assert run(["data", "synth", str(data), "--train", "4", "--test", "1", "--seed", "1"]) == 0
    (runs / "predictions" / "m0" / "abc" / "oof" / "fold-0" / "none").mkdir(parents=True)
    (runs / "predictions/m0/abc/oof/fold-0/none/manifest.json").write_text("{}")
    words = ["--data", str(data), "--runs", str(runs)]
    capsys.readouterr()
    assert run(["zoo", "leaderboard", *words]) == 1
    error = capsys.readouterr().err
    assert "run: cli data folds" in error
    assert run(shlex.split(error.partition("run: cli ")[2])) == 0
    assert (runs / "folds.csv").is_file()


def test_a_missing_extra_is_said(monkeypatch, capsys):
    def torchless(*_):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("zoo.members.table.member_names", torchless)
    assert run(["zoo", "list"]) == 1
    assert 'torch is not installed; run: pip install "' in capsys.readouterr().err


def test_an_interrupt_that_python_drops_comes_again(monkeypatch):
    """As in a callback of a weak reference, where an exception is printed and forgotten."""

    class Held:
        pass

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "unraisablehook", interrupt_again)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    held = Held()
    reference = weakref.ref(held, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            del held
            threading.Event().wait(10)
    finally:
        signal.signal(signal.SIGINT, before)
    assert reference() is None
