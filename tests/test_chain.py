"""The end of the chain on real scenes: the kept out-of-fold predictions of real runs, fitted, written, scored."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.app import run

KEPT = Path(__file__).parent / "fixtures" / "real_runs"


def document(call: str, capsys) -> dict:
    capsys.readouterr()
    assert run([*call.split(), "--json", "-q"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def runs(tmp_path):
    shutil.copytree(KEPT, tmp_path / "runs")
    return tmp_path / "runs"


def test_the_written_file_scores_as_the_ensemble_says_to_the_last_digit(real_scenes, runs, tmp_path, capsys):
    data = f"--data {real_scenes} --data {real_scenes / 'ash_color'} --runs {runs}"
    fitted = document(f"ensemble fit {data}", capsys)
    assert fitted["records"] == 211
    out = tmp_path / "oof.csv"
    document(f"submit --split oof --out {out} --runs {runs}", capsys)
    scored = document(f"submissions score {out} {data}", capsys)
    assert scored["dice"] == fitted["dice"]["in_sample"]
    assert scored["counts"] == fitted["counts"]
    assert scored["records"] == 211


def test_the_honest_dice_keeps_its_order_on_real_members(real_scenes, runs, capsys):
    """In-sample is at least cross-fitted for one choice fitted on all; both lie in a believable interval."""
    data = f"--data {real_scenes} --data {real_scenes / 'ash_color'} --runs {runs}"
    dice = document(f"ensemble fit {data}", capsys)["dice"]
    assert dice["in_sample"] >= dice["cross_fitted"] > 0.45
    assert dice["interval"][0] < dice["cross_fitted"] < dice["interval"][1]


def test_the_kept_predictions_are_whole(runs, capsys):
    assert document(f"zoo verify --runs {runs}", capsys)["faults"] == []


def test_the_kept_split_is_the_one_that_is_made_today(real_scenes, runs, tmp_path, capsys):
    data = f"--data {real_scenes} --data {real_scenes / 'ash_color'}"
    document(f"data folds --folds 3 {data} --runs {tmp_path / 'new'}", capsys)
    kept, made = (
        {line.split(",")[0]: line.split(",")[1:3] for line in (place / "folds.csv").read_text().splitlines()}
        for place in (runs, tmp_path / "new")
    )
    assert kept == made
