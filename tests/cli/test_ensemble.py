"""`cli ensemble` as its users meet it: tables, JSON, files, and what is said when something is missing."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cli.app import run
from core.dice import count
from ensemble import read_ensemble
from ensemble.min_pixels import MIN_PIXELS
from ensemble.weights import METHODS
from tests.ensemble.runs import FakeRuns, fake_runs, write_set
from zoo.predictions import find_members
from zoo.runs import Ref, Store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FakeRuns:
    return fake_runs(tmp_path_factory.mktemp("fake"), records=18, lacking=[("m2", 2)])


def call(made: FakeRuns, *arguments: str) -> int:
    return run(["ensemble", *arguments, "--data", str(made.data), "--runs", str(made.runs), "--jobs", "1"])


def fitted(made: FakeRuns, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert call(made, "fit", "--json", *arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_the_document_keeps_its_contract_and_dice_is_that_of_the_masks(made, capsys):
    document = fitted(made, capsys, "--members", "m0,m1", "--name", "two")
    dice = document["dice"]
    assert {"in_sample", "cross_fitted", "interval", "best_single", "uniform"} <= dice.keys()
    assert dice["interval"][0] <= dice["cross_fitted"] <= dice["interval"][1]
    assert sum(document["weights"].values()) == pytest.approx(1)
    assert document["weights"].keys() == {"m0", "m1"}
    assert document["min_pixels"]["mode"] in ("none", "image", "component")
    assert document["records"] == 18
    counts = document["counts"]
    assert dice["in_sample"] == 2 * counts["tp"] / (counts["predicted"] + counts["truth"])

    path = made.runs / "ensembles" / "two" / "ensemble.json"
    ensemble = read_ensemble(path)
    members = find_members(Store(made.runs), names=[Ref.parse(each) for each in list(ensemble.weights)])
    maps = {member.name: member.maps(ensemble.record_ids) for member in members}
    truth = made.case.masks[[made.case.ids.index(record) for record in ensemble.record_ids]]
    tp, predicted, positives = count(ensemble.apply(maps), truth).sum(axis=0).tolist()
    assert counts == {"tp": tp, "predicted": predicted, "truth": positives}
    assert path.with_name("report.png").read_bytes().startswith(b"\x89PNG")


def test_members_are_fitted_on_what_they_share_and_that_is_said(made, capsys):
    assert call(made, "fit", "--min-pixels", "none", "--members", "m0,m1,m2") == 0
    out, err = capsys.readouterr()
    assert "m2 lacks 6 of 18 records (6 of fold 2); fitted on the 12 records" in err
    assert "12 records in 12 scene groups, 2 folds" in out
    assert "next: cli submit" in err
    for word in ("in-sample", "cross-fitted", "95 % interval", "equal weights", "best single", "m0", "m2"):
        assert word in out


def test_a_member_of_fewer_folds_is_left_out_unless_it_is_asked_for(made, capsys):
    assert call(made, "fit", "--name", "whole") == 0
    out, err = capsys.readouterr()
    assert "note: m2 predicted 2 of the 3 folds that others did; it is left out, --members takes it" in err
    assert "18 records in 18 scene groups, 3 folds" in out
    assert "next: cli submit --out submission.csv --ensemble whole" in err + out


def test_show_tells_what_was_fitted_and_where_it_comes_from(made, capsys):
    fitted(made, capsys, "--members", "m1", "--method", "uniform", "--name", "one")
    assert call(made, "show", "one") == 0
    out = capsys.readouterr().out
    assert "method uniform" in out
    assert "abc123" in out
    assert call(made, "show", "one", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["records"] == 18
    assert document["members"][0]["weight"] == 65536


def test_the_same_call_gives_the_same_file(made, capsys):
    path = made.runs / "ensembles" / "again" / "ensemble.json"
    arguments = ("--members", "m0,m1", "--method", "search", "--min-pixels", "component", "--name", "again")
    fitted(made, capsys, *arguments)
    first = path.read_bytes()
    fitted(made, capsys, *arguments, "--jobs", "2")
    assert path.read_bytes() == first


def test_the_records_to_fit_on_can_be_named(made, capsys):
    assert call(made, "fit", "--on", "validation", "--members", "m0") == 1
    assert "no labelled record is predicted by all members" in capsys.readouterr().err


WRONG = {
    "unknown member": (["fit", "--members", "m9"], 2, 'runs: no predicted member "m9"; did you mean "m2"?\n'),
    "unknown method": (["fit", "--method", "gredy"], 2, 'did you mean "greedy"'),
    "unknown mode": (["fit", "--min-pixels", "size"], 2, 'min-pixels mode "size"'),
    "unknown records": (["fit", "--on", "tests"], 2, "--on"),
    "a path as name": (["fit", "--name", "../x"], 2, "plain name"),
    "no such ensemble": (["show", "nobody"], 1, "there is no such ensemble"),
    "no such TTA": (["fit", "--tta", "d4", "--members", "m0"], 1, 'TTA "d4"'),
    "unknown TTA": (["fit", "--tta", "d5"], 2, 'no view "d5"; did you mean "d4"?'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(made, capsys, case):
    arguments, code, words = WRONG[case]
    assert call(made, *arguments) == code
    err = capsys.readouterr().err
    assert words in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_without_predictions_the_way_to_some_is_shown(made, tmp_path, capsys):
    shutil.copy(made.runs / "folds.csv", tmp_path / "folds.csv")
    assert run(["ensemble", "fit", "--data", str(made.data), "--runs", str(tmp_path)]) == 1
    assert "cli zoo train" in capsys.readouterr().err


def test_a_single_fold_has_no_cross_fitted_dice_and_a_warning(tmp_path: Path, capsys):
    made = fake_runs(tmp_path, records=6, folds=3, noise=(1.0,), lacking=[("m0", 1), ("m0", 2)])
    assert call(made, "fit", "--json") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["dice"]["cross_fitted"] is None
    assert document["dice"]["interval_of"] == "in_sample"
    assert "every Dice is in-sample" in err
    assert call(made, "show") == 0
    assert "in-sample" in capsys.readouterr().out


def test_maps_that_barely_see_anything_are_read_again_down_to_zero(tmp_path: Path, capsys):
    made = fake_runs(tmp_path, records=4, folds=2, noise=(1.0,))
    faint = (made.case.masks * 5).astype(np.uint8)[None]
    shutil.rmtree(made.runs / "predictions")
    from dataclasses import replace

    from tests.ensemble.runs import write_set

    dim = replace(made, case=replace(made.case, maps=faint))
    for fold in range(2):
        write_set(dim, "m0", fold, made.folds.records(fold))
    document = fitted(dim, capsys)
    assert document["dice"]["in_sample"] == 1.0
    assert document["threshold"] <= 5 / 255


def test_uint16_predictions_are_taken_in_whole_numbers():
    from ensemble.blend import as_uint8

    fine = np.array([0, 128, 129, 257, 65535], np.uint16)
    assert_array_equal(as_uint8(fine), [0, 0, 1, 1, 255])


def test_two_ensembles_are_compared(made, capsys):
    from cli.commands.ensemble import compare

    fitted(made, capsys, "--members", "m0,m1", "--method", "uniform", "--min-pixels", "none", "--name", "a")
    fitted(made, capsys, "--members", "m0", "--method", "uniform", "--min-pixels", "none", "--name", "b")
    compare.main(["a", "b", "--runs", str(made.runs)], standalone_mode=False)
    out = capsys.readouterr().out
    assert "a: cross-fitted Dice" in out
    assert "paired, on 18 records in 18 scene groups" in out
    compare.main(["a", "b", "--json", "--runs", str(made.runs)], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["records"] == 18


@pytest.mark.parametrize(
    "arguments",
    [
        ("--method", "stack", "--min-pixels", "image"),
        ("--prune", "--min-pixels", "component"),
    ],
    ids=" ".join,
)
def test_the_out_of_fold_file_scores_the_in_sample_dice(made, tmp_path, capsys, arguments):
    document = fitted(made, capsys, *arguments, "--name", "special")
    where = ["--data", str(made.data), "--runs", str(made.runs), "--jobs", "1"]
    file = str(tmp_path / "oof.csv")
    submit = ["submit", "--split", "oof", "--ensemble", "special", "--out", file]
    assert run([*submit, *where]) == 0
    assert f"next: cli submissions score {file} --data {made.data}" in capsys.readouterr().err
    assert run([*submit, "--force", *where[2:]]) == 0
    assert f"next: cli submissions score {file} --data SCENES" in capsys.readouterr().err
    assert run(["submissions", "score", file, "--json", *where]) == 0
    score = json.loads(capsys.readouterr().out)
    assert (score["dice"], score["counts"]) == (document["dice"]["in_sample"], document["counts"])
    assert call(made, "show", "special") == 0


def test_a_gain_over_rivals_that_memory_cut_too_high_is_warned_of(made, capsys, monkeypatch):
    """Half as sure: the threshold that suits the maps lies below what is read."""
    monkeypatch.setattr("ensemble.loading.BASE_BYTES", 0.0)
    monkeypatch.setattr("ensemble.loading.CHUNK_BYTES", 0.0)
    enough = (made.case.maps[:2].max(axis=0) >= 75).sum() * 2 * (2 + 3) / 1e9
    assert call(made, "fit", "--members", "m0,m1", "--name", "small", "--max-ram", str(enough)) == 0
    err = capsys.readouterr().err
    assert "is the lowest that there is: pixels where no member reaches p = 0.30" in err
    assert "for want of memory (--max-ram)" in err


def test_a_dead_member_does_not_make_all_be_read_again(made, tmp_path, capsys):
    dead = replace(made, runs=tmp_path / "runs", case=replace(made.case, maps=made.case.maps * np.uint8(0)))
    shutil.copytree(made.runs, dead.runs)
    for fold in range(3):
        write_set(dead, "m3", fold, made.folds.records(fold), source="m0")
    assert call(dead, "fit", "--members", "m0,m1,m3", "--method", "best", "--min-pixels", "none") == 0
    assert "may lie lower" not in capsys.readouterr().err


def test_ratios_budget_and_pruning_are_said(made, capsys):
    two = ("--members", "m0,m1", "--name", "asked", "--min-pixels", "none")
    given = fitted(made, capsys, *two, "--method", "ratios", "--ratios", "m0=3,m1=1")
    assert given["weights"] == {"m0": 0.75, "m1": 0.25}
    costs = ("--cost", "m0=3600", "--cost", "m1=36", "--budget-hours", "1", "--budget-records", "100")
    given = fitted(made, capsys, *two, *costs)
    assert given["left_out"] == ["m0"]
    assert given["budget"] == {"hours": 1, "records": 100, "needed_hours": 1}
    assert call(made, "fit", *two, *costs) == 0
    out = capsys.readouterr().out
    assert "100 records take 1.00 h of the 1 h that are allowed" in out
    assert "left out: m0" in out
    assert call(made, "fit", *two, "--prune", "--method", "uniform") == 0
    assert "without m" in capsys.readouterr().out


def test_little_memory_leaves_the_lowest_pixels_out_and_counts_the_rest(made, capsys, monkeypatch):
    monkeypatch.setattr("ensemble.loading.BASE_BYTES", 0.0)
    monkeypatch.setattr("ensemble.loading.CHUNK_BYTES", 0.0)
    two = ("--members", "m0,m1", "--name", "small", "--method", "uniform", "--min-pixels", "none")
    highest = made.case.maps[:2].max(axis=0)
    enough = (highest >= 40).sum() * 2 * (2 + 3) / 1e9
    whole, scarce = fitted(made, capsys, *two), fitted(made, capsys, *two, "--max-ram", str(enough))
    ensemble = read_ensemble(made.runs / "ensembles" / "small" / "ensemble.json")
    assert 26 < ensemble.eps < 50
    assert scarce["active_from"] == ensemble.eps / 255
    assert scarce["counts"] == whole["counts"]
    assert call(made, "fit", *two, "--max-ram", "0.00001") == 1
    assert "too many for --max-ram; give it more, or fewer members" in capsys.readouterr().err


COSTS = ("--budget-records", "1", "--cost", "m0=9000", "--cost", "m1=1")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--method", "ratios"), 2, "go together"),
        (("--method", "ratios", "--ratios", "m0=1", "--budget-hours", "1", *COSTS), 1, "no member fits"),
        (("--method", "ratios", "--ratios", "m9=1"), 2, 'no member "m9"'),
        (("--budget-hours", "9"), 2, "give --budget-records N"),
        (("--cost", "m0"), 2, "give MEMBER=SECONDS"),
        (("--cost", "m0=1"), 2, "give it, too"),
        (("--budget-records", "5"), 2, "give it, too"),
        (("--name", ""), 2, "give a plain name"),
        (("--cost", "m7=1"), 2, 'no member "m7"'),
        (("--max-ram", "0.1"), 2, "needs 0.7 GB before any pixel"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(made, capsys, arguments, code, words):
    assert call(made, "fit", "--members", "m0,m1", *arguments) == code
    err = capsys.readouterr().err
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_a_budget_needs_the_time_of_every_member(made, capsys, monkeypatch):
    monkeypatch.setattr("zoo.predictions.MemberMaps.seconds_per_record", None)
    assert call(made, "fit", "--members", "m0,m1", "--budget-hours", "9", "--budget-records", "10") == 1
    assert "m0: its seconds a record were not measured; give --cost m0=SECONDS" in capsys.readouterr().err


def test_nobody_is_not_everybody(made, capsys):
    assert call(made, "fit", "--members", "") == 2
    assert "names nobody" in capsys.readouterr().err


def test_a_recipe_that_is_passed_over_is_named(made, tmp_path, capsys):
    shutil.copytree(made.runs, tmp_path / "runs")
    place = tmp_path / "runs" / "predictions" / "m1"
    (recipe,) = place.iterdir()
    shutil.copytree(recipe, place / "older")
    for manifest in (place / "older").rglob("manifest.json"):
        manifest.write_text(manifest.read_text().replace(recipe.name, "older"))
        os.utime(manifest, ns=(1, 1))
    assert call(replace(made, runs=tmp_path / "runs"), "fit", "--members", "m0,m1") == 0
    assert "note: m1@older was predicted, too, and is not used" in capsys.readouterr().err


def test_help_names_every_method_and_mode(capsys):
    assert run(["ensemble", "fit", "--help"]) == 0
    words = capsys.readouterr().out.replace(",", " ").replace(".", " ").split()
    assert {*METHODS.names(), *MIN_PIXELS.names(), "auto", "ratios", "none"} <= set(words)
