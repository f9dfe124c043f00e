"""`cli zoo tune`, as it is typed."""

import json
import re

import pytest

import cli.commands.zoo_tune
from tests.zoo.training.cases import two_folds, write_scenes
from zoo.data import write_folds
from zoo.members import load_member

# As it is it learns nothing.
MINE = """
base = "lite0-fc-t5"
encoder = "test_efficientnet"
weights = "none"
decoder_channels = [16, 16, 8, 8, 8]
size = 64
crop = 0
lr = 1e-9
[tune]
lr = [1e-2, 3e-2]
batch = [2, 4]
"""


@pytest.fixture
def typed(tmp_path, typing_in):
    write_folds(tmp_path / "runs" / "folds.csv", two_folds(write_scenes(tmp_path / "scenes")))
    (tmp_path / "mine.toml").write_text(MINE)
    return typing_in(tmp_path, "--data scenes --jobs 1")


def test_the_same_command_goes_on_and_ends_with_a_member(typed, tmp_path):
    assert typed("zoo tune mine.toml --trials 1 --epochs 2")[0] == 0
    code, said = typed("zoo tune mine.toml --trials 3 --epochs 2 --json")
    assert code == 0, said.err
    assert "1 of 3 trials are over" in said.err
    document = json.loads(said.out)
    assert [(trial["trial"], trial["as_it_is"]) for trial in document["trials"]] == [(0, True), (1, False), (2, False)]
    assert document["trials"][0]["values"] == {"lr": 1e-9, "batch": 8}
    assert document["dice_as_it_is"] == document["trials"][0]["dice"] < document["best"]["dice"]
    assert document["best"]["dice"] == max(trial["dice"] for trial in document["trials"])
    found = load_member(str(tmp_path / document["path"]))
    assert (found.name, found.lr, found.batch) == ("mine-tuned", *document["best"]["values"].values())
    code, said = typed("zoo tune mine.toml --trials 3 --epochs 2")
    assert code == 0, said.err
    assert "3 of 3 trials are over" in said.err
    assert "it is optimistic" in said.out
    assert "above the member as it is" in said.out
    assert "next: cli zoo train --member runs/tuning/mine-tuned.toml --fold all" in said.err


def test_a_key_that_is_given_is_not_searched(typed):
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 1 --set lr=0.02 --json")
    assert code == 0, said.err
    assert "mine: searches batch (lr is given and fixed); 0 of 2 trials are over; " in said.err
    assert [list(trial["values"]) for trial in json.loads(said.out)["trials"]] == [["batch"], ["batch"]]
    code, said = typed("zoo tune mine.toml --trials 1 --epochs 2 --set lr=0.02 --with-val")
    assert "chose among 1 trial (0 pruned)" in " ".join(said.out.split())
    assert "next: cli zoo train --member mine.toml --fold all --set lr=0.02 --with-val --data" in said.err


def test_a_trial_that_was_cut_off_counts_once_and_keeps_its_number(typed, monkeypatch):
    run_on, epochs = cli.commands.zoo_tune._say_epoch, []

    def cut_off_after_two(*arguments):
        run_on(*arguments)
        epochs.append(1)
        if len(epochs) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr("cli.commands.zoo_tune._say_epoch", cut_off_after_two)
    command = "zoo tune mine.toml --trials 3 --epochs 3"
    assert typed(command)[0] == 130
    code, said = typed(command)
    assert code == 0, said.err
    assert "1 of 3 trials are over" in said.err
    assert "resumes from epoch 3/3" in said.err
    assert re.findall(r"trial (\d): epoch", said.err) == ["1", "2", "2", "2"]
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 3 --json")
    assert "3 trials are over, 2 asked for" in said.err
    assert [trial["trial"] for trial in json.loads(said.out)["trials"]] == [0, 1, 2]


def test_where_no_trial_is_better_no_member_is_written(typed, tmp_path):
    (tmp_path / "mine.toml").write_text(MINE.split("[tune]")[0] + "batch = 2\n[tune]\nbatch = [2]\n")
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 1")
    assert code == 0, said.err
    assert "No trial was better than the member as it is (Dice 0." in said.out
    assert "no member is written" in said.out
    assert "trial 0: Dice" in said.err
    assert "the member as it is" in said.err
    assert "next: cli zoo train --member mine.toml --fold all" in said.err
    assert not list((tmp_path / "runs" / "tuning").glob("*.toml"))
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 1 --json")
    assert json.loads(said.out)["path"] is None


def test_a_shipped_member_brings_a_space_that_can_be_searched(typed, monkeypatch):
    keys = ("encoder=test_efficientnet", "weights=none", "size=64", "batch=2", "decoder_channels=[8,8,8,8,8]")
    tiny = " ".join(f"--set {key}" for key in keys)
    code, said = typed(f"zoo tune lite0-fc-t5 --trials 2 --epochs 1 {tiny} --json")
    assert code == 0, said.err
    first, second = json.loads(said.out)["trials"]
    monkeypatch.setenv("COLUMNS", "80")
    table = typed(f"zoo tune lite0-fc-t5 --trials 2 --epochs 1 {tiny}")[1].out.split("Dice: global")[0]
    assert table.splitlines()[0].split()[:3] == ["trial", "Dice", "lr"]
    assert len(table.splitlines()) == 3
    assert max(map(len, table.splitlines())) <= 80
    assert first["as_it_is"]
    assert first["values"].keys() == {"lr", "weight_decay", "crop", "crop_on_contrails", "jitter", "augment", "loss"}
    assert first["values"]["lr"] == 1e-3
    assert second["values"] != first["values"]
    assert [trial["epochs"] for trial in (first, second)] == [1, 1]


def test_epochs_are_counted_within_their_stage(typed):
    code, said = typed("zoo tune mine.toml --trials 1 --set stages=[{epochs=1},{epochs=2}]")
    assert code == 0, said.err
    assert re.findall(r"trial 0(.*): epoch (\d/\d)", said.err) == [
        *((" stage 1", "1/1"), (" stage 2", "1/2"), (" stage 2", "2/2"))
    ]


def test_a_value_that_cannot_be_tried_is_the_files_fault(typed, tmp_path):
    (tmp_path / "mine.toml").write_text(MINE + 'optimizer = ["adamw", "adamm"]\n')
    code, said = typed("zoo tune mine.toml --trials 1")
    assert code == 1
    assert "mine.toml: [tune] optimizer: 'adamm' cannot be tried: no optimizer" in said.err
    assert not (tmp_path / "runs" / "tuning").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("zoo tune mine.toml --fold full", "the Dice of one fold tells trials apart"),
        ("zoo tune mine.toml --fold all", "the split has folds 0 to 1; give one of them"),
        ("zoo tune mine.toml --fold 7", "the split has folds 0 to 1; give one of them"),
        ("zoo tune mine.toml --out mine.toml", "has a name of its own"),
        ("zoo tune mine.toml --set lr=1 --set batch=2", "left to search, for --set or --epochs fix lr, batch"),
        ("zoo tune mine.toml --epochs 2 --set epochs=3", "--epochs 2 and --set epochs=3 differ; give one of them"),
        ("zoo tune mine.toml --set lrr=1", 'did you mean "lr"'),
    ],
)
def test_a_call_that_cannot_be_is_one_line(typed, command, words):
    code, said = typed(command)
    assert code == 2
    assert words in said.err
