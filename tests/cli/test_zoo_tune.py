"""`cli zoo tune`, as it is typed."""

import json
import re

import pytest

from tests.zoo.training.cases import two_folds, write_scenes
from tests.zoo.workflows.test_tune import MINE
from zoo.data import write_folds


@pytest.fixture
def typed(tmp_path, typing_in):
    write_folds(tmp_path / "runs" / "folds.csv", two_folds(write_scenes(tmp_path / "scenes")))
    (tmp_path / "mine.toml").write_text(MINE)
    return typing_in(tmp_path, "--data scenes --jobs 1")


def test_a_search_ends_with_a_table_that_fits_and_the_next_command(typed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 2")
    assert code == 0, said.err
    table, told = said.out.split("Dice: global")
    head, *rows = table.splitlines()
    assert (head.split()[:3], len(rows)) == (["trial", "Dice", "trained"], 2)
    assert max(map(len, table.splitlines())) <= 60
    words = " ".join(told.split())
    assert "2 trials (0 pruned)." in words
    assert "* chosen as the highest on this very fold" in words
    assert len(re.findall(r"\d\.\d{4}\*", table)) == 1
    assert "above the member as it is" in words
    assert "next: cli zoo train runs/tuning/mine-tuned.toml --fold all --data scenes" in said.err
    code, said = typed("zoo tune mine.toml --trials 2 --epochs 2 --json")
    assert json.loads(said.out)["path"] == "runs/tuning/mine-tuned.toml"


def test_if_no_trial_is_better_the_member_is_trained_as_it_was_given(typed, tmp_path):
    code, said = typed("zoo tune mine.toml --trials 1 --epochs 1 --set lr=0.02 --with-val")
    assert code == 0, said.err
    assert "of fold 0; 1 trial (0 pruned)." in " ".join(said.out.split())
    assert "No trial was better than the member as it is (Dice 0." in said.out
    assert "no member is written" in said.out
    assert "next: cli zoo train mine.toml --fold all --with-val --set lr=0.02 --data" in said.err


def test_a_call_that_cannot_be_is_one_line(typed):
    code, said = typed("zoo tune mine.toml --fold full")
    assert (code, said.err.count("\n")) == (2, 1)
    assert "trials are compared by the Dice of one fold" in said.err
