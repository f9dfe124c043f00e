"""The docs run: every command in them is executed, in order, in a short form; every command that exists is in them."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from cli.app import COMMANDS, command_names, run
from submissions.ledger import read_ledger
from zoo.data import open_scenes
from zoo.lineups import LineUps
from zoo.runs import Store

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The same commands on fewer scenes, folds and epochs, a smaller input and decoder, in the fastest format.
SMALL = "--set size=64 --set decoder_channels=[16,16,8,8,8]"
TINY = "--set encoder=test_efficientnet --set weights=none --set batch=4 --set epochs=1"
SHORT = [
    (r"--train \d+ --validation \d+ --test \d+", "--train 6 --validation 2 --test 2"),
    (r"--folds \d+", "--folds 2"),
    (r"--epochs \d+", "--epochs 1"),
    (r"--set size=128", SMALL),
    (r"--trials \d+", "--trials 1"),
    (r"--budget-hours \d+", "--budget-hours 900"),  # whatever else the machine does
    (r"--format onnx(.*)lite0\.onnx", r"--format torchscript\1lite0.pt"),
]


def commands_in(page: Path) -> list[str]:
    """The lines of the page's `sh` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def shortened(command: str) -> list[str]:
    for pattern, short in SHORT:
        command = re.sub(pattern, short, command)
    words = shlex.split(command)
    assert words[0] == "cli"
    return words[1:]


def test_every_command_of_the_guide_runs_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = ("guide", "machines", "ensemble", "shipped", "keys", "members", "training")
    pages = [ROOT / "docs" / f"{name}.md" for name in names]
    for command in (command for page in pages for command in commands_in(page)):
        assert run([*shortened(command), "--jobs", "1"]) == 0, f"{command}: {capsys.readouterr().err}"
    # The three commands of everyday use, on what is there now.
    for command in commands_in(ROOT / "README.md"):
        more = ["--epochs", "1", *SMALL.split()] if "train" in command else []
        more += ["--force"] if "submit" in command else []
        assert run([*shortened(command), *more, "--jobs", "1"]) == 0, f"{command}: {capsys.readouterr().err}"


def run_page(page: Path) -> None:
    """Run the blocks of a page in order: commands in a short form, Python; TOML goes to the file that it names."""
    for kind, block in re.findall(r"^```(sh|toml|python)\n(.*?)^```", page.read_text(), re.M | re.S):
        name = re.match(r"# (\S+\.toml)\n", block)
        if kind == "toml" and name:
            Path(name[1]).write_text(block)
        if kind == "python":
            exec(block, {})
        for command in block.splitlines() if kind == "sh" else ():
            more = [*SMALL.split(), *TINY.split()] if "zoo train" in command else []
            assert run([*shortened(command), *more, "--jobs", "1"]) == 0, command


def test_the_tutorial_ends_with_a_scored_submission(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_page(ROOT / "docs" / "tutorial.md")
    store = Store("runs")
    assert {"lite0-fc-t5", "mine"} == {*store.trained_members()} == {*store.predicted_members()}
    (entry,) = read_ledger(store.ledger).entries
    assert (entry.public, entry.private) == (0.605, 0.612)
    assert Path("report.html").is_file()


def test_own_scenes_are_written_as_their_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_page(ROOT / "docs" / "own-data.md")
    assert len(open_scenes(["own"]).labelled) == 6


@pytest.mark.parametrize("command", list(command_names()))
def test_every_command_is_in_the_docs(command):
    assert any(f"cli {command}" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_the_docs_name_exists(page):
    known = set(command_names())
    groups = {name for name, entry in COMMANDS.items() if isinstance(entry, dict)}
    for line in commands_in(page):
        words = line.split()[1:]
        assert " ".join(words[: 2 if words[0] in groups else 1]) in known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_line_ups_of_the_docs_name_members(tmp_path):
    source = ROOT / "docs" / "contrails.toml"
    lineups = {name: tuple(members) for name, members in tomllib.loads(source.read_text())["lineups"].items()}
    assert {"first-place", "second-place", "third-place", "fourth-place", "sixth-place"} <= lineups.keys()
    known = LineUps(store=Store(tmp_path), lineups=lineups, source=source)
    assert all(known.members([name]) == members for name, members in lineups.items())
