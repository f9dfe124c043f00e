"""`cli data features`, as it is typed."""

import json

import pytest

from tests.scenes import write_record
from zoo.data import Assignment, Folds, write_folds


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(10):
        write_record(folder, "train", str(100 + number), mask=200)
    return folder


@pytest.fixture
def typed(scenes, tmp_path, typing_in):
    rows = (Assignment(str(100 + number), number % 2, positives=200) for number in range(10))
    write_folds(tmp_path / "runs" / "folds.csv", Folds(tuple(rows)))
    return typing_in(tmp_path, f"--data {scenes} --jobs 1")


def test_fold_0_is_left_out_to_judge(typed):
    code, said = typed("data features --top 3")
    assert code == 0, said.err
    assert "5 scenes of fold 1\n" in said.out
    assert "no input is suggested: that takes 8 scenes with contrails and here are 5; give more --folds" in said.out
    code, said = typed("data features --folds 0,1 --json")
    document = json.loads(said.out)
    assert (document["scenes"], document["folds"]) == (10, [0, 1])
    assert document["suggested"] in [row["name"] for row in document["inputs"]]
    aucs = [row["auc"] for row in document["ranking"]]
    assert aucs == sorted(aucs, reverse=True)
    assert document["composed"]["pixelwise"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_tables_fit_the_terminal_and_nothing_is_cut(typed, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    code, said = typed("data features --folds 0,1 --top 5")
    assert code == 0, said.err
    table = said.out.partition("suggested")[0]
    assert max(map(len, table.splitlines())) <= width
    assert "…" not in table
    assert table.count("er  ") + table.count("95 % interval") == 6  # five channels, each on one line


def test_folds_that_hold_nothing_to_look_at_say_so(typed, tmp_path):
    rows = (Assignment(str(100 + number), number % 2, positives=200 * (number % 2)) for number in range(10))
    write_folds(tmp_path / "runs" / "folds.csv", Folds(tuple(rows)))
    code, said = typed("data features --folds 0")
    assert code == 1
    assert "no record of fold 0 has a contrail; give other --folds" in said.err


def test_one_scene_group_has_no_interval_to_speak_of(typed, tmp_path):
    rows = (Assignment(str(100 + n), n % 2, group=f"g{n % 2}", positives=200) for n in range(10))
    write_folds(tmp_path / "runs" / "folds.csv", Folds(tuple(rows)))
    code, said = typed("data features")
    assert code == 0, said.err
    assert "the intervals mean nothing" in said.out


def test_a_fold_that_is_not_there_is_one_line(typed):
    code, said = typed("data features --folds 1,2")
    assert code == 2
    assert "--folds 1,2: give numbers from 0 to 1" in said.err
