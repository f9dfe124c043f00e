"""Benchmarks of training: levers alone and in a design, and the notebook."""

import json

import numpy as np
import pytest

from benchmarks.screening import plackett_burman
from cli.app import run as cli
from tests.benchmarks.cases import GOLDEN, LABELLED
from tests.zoo.training.cases import TINY_FILE


def test_levers(run, scenes, tmp_path, monkeypatch):
    """Both sides of a lever of its own are trained, with two seeds, and compared on all records."""
    member = tmp_path / "tiny.toml"
    member.write_text(TINY_FILE)
    assert cli(["data", "folds", "--folds", "2", "--data", str(scenes), "--runs", str(tmp_path / "runs")]) == 0
    given = ("--data", scenes, "--runs", tmp_path / "runs", "--member", member, "--epochs", 1, "--seeds", 2)
    _, (row,) = run("levers", *given, "--set", "precision=fp32", "--set", "lr=0.002")
    assert row["lever"] == "precision=fp32, lr=0.002"
    assert (row["seeds"], row["records"], row["epochs"]) == (2, len(LABELLED), 1)
    assert 0 <= row["dice"] <= 1
    assert row["gain_interval"][0] <= row["gain"] <= row["gain_interval"][1]
    assert row["minutes"] > 0


def test_a_lever_that_costs_more_gets_fewer_epochs(run, scenes, tmp_path):
    """A soup of two runs gets half the epochs, and its minutes are those of both runs, counted once."""
    member = tmp_path / "tiny.toml"
    member.write_text(TINY_FILE)
    place = ["--data", str(scenes), "--runs", str(tmp_path / "runs")]
    assert cli(["data", "folds", "--folds", "2", *place]) == 0
    assert cli(["zoo", "train", str(member), "--epochs", "1", "--fold", "all", "--with-val", *place]) == 0
    given = (*place, "--member", member, "--epochs", 2, "--seeds", 1, "--base", "start_from=tiny")
    _, (row,) = run("levers", *given, "--set", "soup=2", "--cost", 2)
    assert (row["epochs_without"], row["epochs"]) == (2, 1)
    results = [json.loads(path.read_text()) for path in tmp_path.glob("runs/members/tiny/*/*/result.json")]
    averaged = [result["cpu_seconds"] for result in results if result.get("soup")]
    assert len(averaged) == 2
    assert row["minutes"] == pytest.approx(sum(averaged) / 60)
    for cost in (["--cost", 0, "--set", "soup=2"], ["--cost", 2, "ema"]):
        with pytest.raises(SystemExit):
            run("levers", *given, *cost)


def test_notebook(run, scenes, tmp_path):
    given = ("--data", scenes, "--runs", GOLDEN, "--member", "tiny", "--minutes", 1e-6, "--maps", tmp_path / "maps")
    out, figures = run("notebook", *given, BATCH=2, WARM_UP=0, TIMED=1)
    assert "notebook: epoch 1/1" in out
    assert [row["fold"] for row in figures["folds"]] == ["0", "1"]
    assert figures["records"] == 6
    assert figures["members"]["dice"] - figures["notebook"]["dice"] == pytest.approx(figures["gain"]["dice"])
    again, same = run("notebook", *given)
    assert "epoch" not in again
    assert same == figures


def test_screening(run, scenes, tmp_path):
    """Recipes of the design with and without a lever are trained once, and compared on all records."""
    member = tmp_path / "tiny.toml"
    member.write_text(TINY_FILE)
    assert cli(["data", "folds", "--folds", "2", "--data", str(scenes), "--runs", str(tmp_path / "runs")]) == 0
    given = ("--data", scenes, "--runs", tmp_path / "runs", "--member", member, "--epochs", 1, "--base", "loss=dice")
    _, figures = run("screening", *given, "--set", "lr=0.002", "--set", "loss+=0.1*bce", PRIMES=(3,))
    assert figures["recipes"]["on"] == [[True, True], [False, True], [True, False], [False, False]]
    assert [row["lever"] for row in figures["levers"]] == ["lr=0.002", "loss+=0.1*bce"]
    assert all(row["gain_interval"][0] <= row["gain"] <= row["gain_interval"][1] for row in figures["levers"])
    with pytest.raises(ValueError, match="24 levers; at most"):
        plackett_burman(24)


@pytest.mark.parametrize("factors", [3, 7, 11, 15, 23])
def test_plackett_burman(factors):
    """Each lever is on in half of the runs, each pair in a quarter; the last run is the plain recipe."""
    design = plackett_burman(factors).astype(int)
    runs = len(design)
    assert (design.T @ design == np.where(np.eye(factors, dtype=bool), runs // 2, runs // 4)).all()
    assert not design[-1].any()
