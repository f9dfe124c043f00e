"""The docs run: every command in them is executed, in order, in a short form; every command that exists is in them."""

import re
import shlex
import tomllib
from functools import lru_cache
from pathlib import Path

import pytest

from cli.app import COMMANDS, LazyCommand, command_names, run
from pipeline.report.job import SECTIONS
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
    (r" --data scenes/ash_color", ""),
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
    assert commands_in(ROOT / "README.md") == commands_in(ROOT / "docs" / "index.md")
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


# What the pages on trained members begin with.
TRAINED = """```sh
cli data synth scenes --train 6 --validation 2 --test 2
cli data folds --folds 2 --data scenes
cli zoo train lite0-fc-t5 --fold all --data scenes
cli ensemble fit --data scenes
```
"""


def test_the_pages_on_trained_members_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained.md").write_text(TRAINED)
    pages = [ROOT / "docs" / f"{name}.md" for name in ("error-analysis", "pseudo-labels", "registration", "report")]
    for page in (tmp_path / "trained.md", *pages):
        run_page(page)


@pytest.mark.parametrize("command", list(command_names()))
def test_every_command_is_in_the_docs(command):
    assert any(f"cli {command}" in page.read_text() for page in PAGES)


GROUPS = {name for name, entry in COMMANDS.items() if isinstance(entry, dict)}


def code_in(page: Path) -> list[str]:
    """Calls of a page: lines of blocks that begin with `cli`, code within sentences that begins with `cli` or `zoo`."""
    text = page.read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    lines = [line.split("#")[0] for block in blocks for line in block.splitlines() if line.startswith("cli ")]
    spans = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))

    return [*lines, *(" ".join(span.split()) for span in spans if span.startswith(("cli ", "zoo ")))]


def called(line: str) -> tuple[str, list[str]]:
    """Command and options of a call; no command for `cli` with options alone."""
    words = line.removeprefix("cli ").split()
    named = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]+", word)]
    name = " ".join(named[: 2 if named and named[0] in GROUPS else 1])
    return name, re.findall(r"(?<!\S)\[?(--[a-z][a-z-]*)", line)


@lru_cache
def options_of(name: str) -> set[str]:
    """Options of a command, those of every command included."""
    group, _, own = name.partition(" ")
    target = COMMANDS[group][own] if own else COMMANDS[group]
    return {"--help", *(word for given in LazyCommand(name, *target).load().params for word in given.opts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_exists(page):
    known, wrong = {*command_names(), *GROUPS}, []
    for line in code_in(page):
        name, options = called(line)
        if name and name not in known:
            wrong.append(line)
        elif name and name not in GROUPS:
            wrong += [f"{line}: {option}" for option in options if option not in options_of(name)]
    assert wrong == []


def test_the_table_of_the_design_has_every_command():
    named = set()
    for row in re.findall(r"^\| `cli (.+?)` \| ", (ROOT / "docs" / "design.md").read_text(), re.M):
        first, *more = (re.sub(r"[^a-z -].*", "", item).split() for item in row.split("` · `"))
        group = first[:1] if first[0] in GROUPS else []
        named |= {" ".join(first[: len(group) + 1]), *(" ".join([*group, *item[:1]]) for item in more if item)}
    assert named - {"--kaggle"} == {*command_names()}


def test_the_design_names_no_option_that_does_not_exist():
    named = re.findall(r"`(--[a-z][a-z-]*)", (ROOT / "docs" / "design.md").read_text())
    assert len(named) > 20
    assert {*named} <= {"--version", *(option for name in command_names() for option in options_of(name))}


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


def test_every_section_of_the_report_is_in_its_page_and_has_a_picture():
    page = (ROOT / "docs" / "report.md").read_text()
    titles = ["What to do next", *(title for _, title, _ in SECTIONS)]
    assert re.findall(r"^\| ([A-Z][^|`]+) \| ", page, re.M) == titles
    pictures = re.findall(r"^!\[(.+?)\]\((.+?)\)$", page, re.M)
    assert [alt.partition(":")[0].partition(" of ")[0].partition(" on a ")[0] for alt, _ in pictures] == titles
    assert all((ROOT / "docs" / path).stat().st_size < 100_000 for _, path in pictures)


def test_whatever_is_said_of_other_tools_has_its_source():
    rows = [line.split(" | ") for line in (ROOT / "docs" / "compared.md").read_text().splitlines() if " | " in line]
    facts = [row for row in rows if row[0] not in ("|", "| tool", "| ---", "| this suite")]
    assert len(facts) > 20
    assert all("](https://" in row[1] or row[1] in ("not found in the pages above", "ttach: any") for row in facts)
