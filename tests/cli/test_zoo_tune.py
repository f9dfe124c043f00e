"""`cli zoo tune`, as it is typed."""

import json

import pytest

from tests.zoo.training.cases import two_folds, write_scenes
from zoo.data import write_folds
from zoo.members import load_member

MINE = """
base = "lite0-fc-t5"
encoder = "test_efficientnet"
weights = "none"
size = 64
crop = 0
[tune]
lr = {low = 1e-3, high = 1e-2, log = true}
batch = [2, 4]
"""


@pytest.fixture
def typed(tmp_path, typing_in):
    write_folds(tmp_path / "runs" / "folds.csv", two_folds(write_scenes(tmp_path / "scenes")))
    (tmp_path / "mine.toml").write_text(MINE)
    return typing_in(tmp_path, "--data scenes --jobs 1")


def test_the_same_command_goes_on_and_ends_with_a_member(typed, tmp_path):
    assert typed("zoo tune mine.toml --trials 1 --epochs 1")[0] == 0
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 1 --json")
    assert code == 0, said.err
    assert "1 of 2 trials are over" in said.err
    document = json.loads(said.out)
    assert [trial["trial"] for trial in document["trials"]] == [0, 1]
    assert document["best"]["dice"] == max(trial["dice"] for trial in document["trials"])
    found = load_member(str(tmp_path / document["path"]))
    assert (found.name, found.lr, found.batch) == ("mine-tuned", *document["best"]["values"].values())
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 1")
    assert code == 0, said.err
    assert "2 of 2 trials are over" in said.err
    assert "it is optimistic" in said.out
    assert "next: cli zoo train --member runs/tuning/mine-tuned.toml --fold all" in said.err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("zoo tune mine.toml --fold full", "holds no records out"),
        ("zoo tune mine.toml --fold 7", "the split has folds 0 to 1"),
        ("zoo tune mine.toml --out mine.toml", "has a name of its own"),
        ("zoo tune mine.toml --set lrr=1", 'did you mean "lr"'),
    ],
)
def test_a_call_that_cannot_be_is_one_line(typed, command, words):
    code, said = typed(command)
    assert code == 2
    assert words in said.err


def test_without_folds_it_makes_them_as_training_does(typed, tmp_path):
    path = tmp_path / "runs" / "folds.csv"
    path.unlink()
    assert typed("zoo tune mine.toml --fold 9")[0] == 2
    assert not path.exists()
    code, said = typed("zoo tune mine.toml --trials 1 --epochs 1")
    assert code == 0, said.err
    assert "folds.csv: was not there; made 5 folds grouped by scene" in said.err
    assert path.exists()
