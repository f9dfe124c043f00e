"""`cli zoo train`, as it is typed."""

import json
import re

import pytest

from core.signing import write_signed
from tests.zoo.training.cases import STAGED, TINY_OPTIONS, write_scenes

TINY = " ".join([*TINY_OPTIONS, "--jobs", "1"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    write_scenes(folder / "scenes")
    (folder / "staged.toml").write_text(STAGED)
    return folder


@pytest.fixture
def typed(folder, typing_in):
    return typing_in(folder, f"{TINY} --data scenes")


def test_a_staged_member_is_trained_and_its_table_fits_the_terminal(typed, folder, monkeypatch):
    command = "zoo train staged.toml --fold 0 --epochs 2 --set average_best=2"
    code, said = typed(f"{command} --json")
    assert code == 0, said.err
    (row,) = json.loads(said.out)
    path = folder / row["folder"] / "result.json"
    result = json.loads(path.read_text())
    for stage, seconds in zip(result["stages"], (120.0, 60.0)):
        stage["seconds"] = seconds
    kept = {"seconds": 60.0, "threshold": 1 / 255, "averaged": [1, 2]}
    result["stages"][1] |= kept
    write_signed(path, result | kept)
    code, said = typed(command)
    assert "staged fold 0: is trained already, reused" in said.err
    assert re.search(r"next: cli zoo train runs/members/staged/\w+/fold-0/recipe.toml --fold all ", said.err)
    assert "0.1234" in said.out
    first, *_, second = (line for line in said.out.splitlines() if "staged" in line)
    assert [first.split()[column] for column in (2, 4, 6)] == ["1+2/2", "0.004", "3.0"]  # minutes of both stages
    assert second.split()[3] == "1+2/2"
    monkeypatch.setenv("COLUMNS", "60")
    head, row, *_ = typed(command)[1].out.splitlines()
    assert head.split()[:3] == ["member", "fold", "epoch"]
    assert row.split()[:2] == ["staged", "0"]
    assert max(len(head), len(row)) <= 60


def test_a_run_on_all_records_has_no_score_and_its_own_next_step(typed, folder, typing_in):
    code, said = typed("zoo train lite0-fc-t5 --epochs 1 --fold full")
    assert code == 0, said.err
    assert "Dice" not in said.out
    assert "No score: " in said.out
    (command,) = re.findall(r"next: cli (zoo predict lite0-fc-t5@[0-9a-f]{12} --fold full --split test) --", said.err)
    code, said = typing_in(folder, "--data scenes --jobs 1")(command)
    assert code == 0, said.err
    assert "note: cli submit uses the runs of folds only" in said.err
    assert "next: cli zoo export lite0-fc-t5@" in said.err


def test_a_start_that_is_not_there_is_one_line(typed):
    code, said = typed("zoo train lite0-fc-t5 --from lite7-fc-t5 --epochs 1 --fold 1")
    assert (code, said.err.count("error: ")) == (2, 1)
    assert "lite0-fc-t5: start_from: " in said.err


def test_a_recipe_that_differs_from_the_trained_one_says_in_what(typed):
    assert typed("zoo train lite0-fc-t5 --fold 0 --epochs 1")[0] == 0
    code, said = typed("zoo train lite0-fc-t5 --fold 0 --epochs 1 --set lr=0.002")
    assert code == 0
    assert re.search(
        r"note: lite0-fc-t5: with lr=0.002 it is not lite0-fc-t5@\w+, of which nothing is reused", said.err
    )
    assert "of which nothing" not in typed("zoo train lite0-fc-t5 --fold 0 --epochs 1 --set lr=0.002")[1].err
    assert "another --with-val it is not" in typed("zoo train lite0-fc-t5 --fold 0 --epochs 1 --with-val")[1].err
