"""The end of the chain on real scenes: the kept out-of-fold predictions of real runs, fitted, written, scored."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from submissions import read_submission
from zoo.data import open_scenes

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


def test_the_official_test_records_are_submitted_and_the_validation_records_scored(real_scenes, runs, tmp_path, capsys):
    data = f"--data {real_scenes} --data {real_scenes / 'ash_color'} --runs {runs}"
    document(f"ensemble fit {data}", capsys)
    out, oof = tmp_path / "submission.csv", tmp_path / "oof.csv"
    assert document(f"submit --out {out} {data}", capsys)["warnings"] == []
    # In the order of the official sample file; both records are empty in the validation labels.
    assert out.read_text() == "record_id,encoded_pixels\n1000834164244036115,-\n1002653297254493116,-\n"
    assert document(f"submissions check {out} {data}", capsys)["accepted"]
    document(f"submit --split oof --out {oof} {data}", capsys)
    scored = document(f"submissions score {oof} --split validation {data}", capsys)
    scenes, found = open_scenes([real_scenes]), read_submission(oof)
    records = [record for record in scenes.labelled if record.split == "validation"]
    truth = np.stack([scenes.mask(record) for record in records])
    masks = np.stack([found.mask(record.id) for record in records])
    assert scored["records"] == len(records) == 19
    assert scored["counts"]["tp"] == (truth & masks).sum() > 0
    assert scored["dice"] == 2 * (truth & masks).sum() / (truth.sum() + masks.sum())


def test_the_real_validation_masks_lie_on_the_map(real_scenes, runs, tmp_path, capsys):
    """Each polygon lies within half a scene, 256 km and a little, of where the metadata put the scene's centre."""
    document(f"ensemble fit --data {real_scenes} --data {real_scenes / 'ash_color'} --runs {runs}", capsys)
    found = document(
        f"submit --split oof --format geojson --out {tmp_path / 'maps'} --data {real_scenes} --runs {runs}", capsys
    )
    assert found["rows"] == 19  # the others come without metadata
    scenes, corners = open_scenes([real_scenes]), 0
    for path in (tmp_path / "maps").glob("*.geojson"):
        north, east = scenes.metadata(scenes.record(path.stem)).centre
        for feature in json.loads(path.read_text())["features"]:
            assert feature["properties"]["pixels"] >= 10
            for longitude, latitude in points_of(feature["geometry"]["coordinates"]):
                assert abs(latitude - north) < 270 / 111
                assert abs(longitude - east) * math.cos(math.radians(latitude)) < 270 / 111
                corners += 1
    assert corners > 1000


def points_of(nested):
    if isinstance(nested[0], float):
        yield nested
    else:
        for part in nested:
            yield from points_of(part)


def test_the_honest_dice_keeps_its_order_on_real_members(real_scenes, runs, capsys):
    """In-sample is at least cross-fitted for one choice fitted on all; both lie in a believable interval."""
    data = f"--data {real_scenes} --data {real_scenes / 'ash_color'} --runs {runs}"
    dice = document(f"ensemble fit {data}", capsys)["dice"]
    assert dice["in_sample"] >= dice["cross_fitted"] > 0.45
    assert dice["interval"][0] < dice["cross_fitted"] < dice["interval"][1]


def test_on_the_few_competition_records_equal_weights_are_warned_of_and_auto_takes_the_better_member(
    real_scenes, runs, capsys
):
    data = f"--data {real_scenes} --runs {runs}"
    equal = document(f"ensemble fit --method uniform {data}", capsys)
    assert equal["records"] == 37
    assert equal["rivals"][0]["command"] == ["cli", "ensemble", "fit", "--members", "lite0-fc-t5"]
    taken = document(f"ensemble fit {data}", capsys)
    assert taken["rivals"] == []
    assert max(taken["decisions"], key=lambda row: row["dice"])["taken"]


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
