"""`cli zoo leaderboard`: its rows, its table, its csv."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from core.dice import Counts, count
from core.files import write_json, write_text
from core.signing import write_signed
from tests.cli.leaderboard.asking import ask, rows_of
from tests.ensemble.again import write_again
from zoo.members import load_member, with_settings

KEPT = Path(__file__).parents[2] / "fixtures" / "real_runs"


def test_a_row_is_what_a_fit_says_of_the_member_alone(made, capsys):
    rows = {row["name"]: row for row in rows_of(made, capsys)}
    for name in ("m0", "m1", "m2"):
        words = ["ensemble", "fit", "--members", name, "--json", "--data", str(made.data), "--runs", str(made.runs)]
        assert run([*words, "--jobs", "1"]) == 0
        alone = json.loads(capsys.readouterr().out)["members"][name]
        found = rows[name]
        assert (found["dice"], found["interval"]) == (alone["cross_fitted"], alone["interval"])
        assert found["threshold"] == alone["threshold"]
        assert found["kind"] == "cross_fitted"
    assert [row["dice"] for row in rows.values()] == sorted((row["dice"] for row in rows.values()), reverse=True)


def test_a_folds_dice_is_at_the_best_threshold_of_the_others(made, capsys):
    (row,) = rows_of(made, capsys, "m1")
    maps, masks, folds = made.maps["m1"], made.case.masks, np.asarray(made.case.folds)

    def dice(chosen, level):
        return Counts.of(count(maps[chosen] >= level, masks[chosen])).dice

    for fold in range(3):
        others = folds != fold
        best = max(range(1, 256), key=lambda level: dice(others, level))
        assert row["per_fold"][str(fold)] == pytest.approx(dice(folds == fold, best))
    assert row["spread"] == pytest.approx(np.std(list(row["per_fold"].values()), ddof=1))


def test_rows_on_other_records_say_so_and_shared_ones_compare(made, capsys):
    told = ask(made, capsys, "leaderboard")
    assert "--shared" in told.err
    own = {row["name"]: row for row in rows_of(made, capsys)}
    assert [own[name]["records"] for name in ("m0", "m1", "m2")] == [18, 18, 12]
    assert own["m2"]["behind"] is None
    shared = rows_of(made, capsys, "--shared")
    assert {row["records"] for row in shared} == {12}
    assert shared[0]["behind"]["value"] == 0
    last = shared[-1]
    assert last["behind"]["value"] == pytest.approx(shared[0]["dice"] - last["dice"])
    low, high = last["behind"]["interval"]
    assert low <= last["behind"]["value"] <= high
    assert "--shared" not in ask(made, capsys, "leaderboard", "--shared").err


def test_recipes_that_differ_stand_apart(made, capsys):
    write_again(made, "m0", recipe="def456")
    assert {row["name"] for row in rows_of(made, capsys)} == {"m0@abc123", "m0@def456", "m1", "m2"}
    assert {row["name"] for row in rows_of(made, capsys, "m0", "m0@abc")} == {"m0@abc123", "m0@def456"}
    assert [row["name"] for row in rows_of(made, capsys, "m0@abc")] == ["m0@abc123"]
    assert [row["name"] for row in rows_of(made, capsys, "m1@abc")] == ["m1@abc123"]


def test_a_recipe_that_does_not_count_hides_no_other_of_its_member(made, capsys):
    write_again(made, "m0", recipe="def456")
    shutil.rmtree(made.runs / "predictions" / "m0" / "def456" / "oof" / "fold-1")
    write_signed(made.runs / "members/m0/abc123/fold-2/result.json", {"format": 2, "weights_sha256": "1" * 64})
    said = ask(made, capsys, "leaderboard", "m0", "--json")
    assert [(row["name"], row["recipe"]) for row in json.loads(said.out)] == [("m0", "def456")]
    assert "note: left out: m0@abc123 fold 2: " in said.err


def test_recipes_without_a_tta_are_told_apart(made, capsys):
    write_again(made, "m0", recipe="def456", tta="d4")
    said = ask(made, capsys, "leaderboard", "m0", "--tta", "d4", "--json")
    assert [(row["name"], row["tta"]) for row in json.loads(said.out)] == [("m0", "d4")]
    assert 'note: left out: m0@abc123: no out-of-fold predictions with TTA "d4", only with: none;' in said.err
    assert "it has no runs here that could predict" in said.err
    assert [(row["name"], row["tta"]) for row in rows_of(made, capsys, "m0")] == [
        ("m0@abc123", "none"),
        ("m0@def456", "d4"),
    ]


def test_what_training_took_and_what_was_changed_stand_beside(made, capsys, monkeypatch):
    recipe = with_settings(load_member("resnet18-fc-t5"), {"epochs": 7, "size": 128, "registered": True})
    write_again(made, "m0", member="resnet18-fc-t5")
    for fold, seconds in enumerate((60.0, 120.0, 30.0)):
        place = made.runs / "members" / "resnet18-fc-t5" / "abc123" / f"fold-{fold}"
        write_text(place / "recipe.toml", recipe.as_toml())
        stages = [{"seconds": seconds, "epochs": 4}, {"seconds": 30.0, "epochs": 1}] if fold == 2 else []
        write_json(place / "result.json", {"format": 1, "seconds": seconds, "epochs": 7, "stages": stages})
    row = next(row for row in rows_of(made, capsys) if row["name"] == "resnet18-fc-t5")
    assert row["changed"] == {"epochs": 7, "size": 128, "registered": True}
    assert row["training_minutes"] == 4.0
    assert (row["epochs"], row["size"], row["row"], row["logged_validation"]) == (7, 128, 5, 0.567)
    assert row["epochs_trained"] == pytest.approx((7 + 7 + 5) / 3, abs=0.05)  # the last run ended before its time
    monkeypatch.setenv("COLUMNS", "250")
    line = next(line for line in ask(made, capsys, "leaderboard").out.splitlines() if "resnet18" in line)
    assert "6.3 of 7" in line
    assert {"epochs=7", "registered=true"} <= set(line.split())  # as --set takes them


def test_seconds_are_those_of_one_run_whatever_the_number_of_runs(made, capsys):
    rows = {row["name"]: row for row in rows_of(made, capsys)}
    assert (rows["m0"]["runs"], rows["m2"]["runs"]) == (3, 2)
    for row in rows.values():
        assert row["seconds_per_record"] == pytest.approx(0.05)
        assert row["seconds_per_record_all_runs"] == pytest.approx(0.05 * row["runs"])


def test_the_csv_holds_the_rows(made, capsys, tmp_path):
    rows = rows_of(made, capsys, "--csv", str(tmp_path / "board.csv"))
    with (tmp_path / "board.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["name"] for row in found] == [row["name"] for row in rows]
    assert [float(row["dice"]) for row in found] == [row["dice"] for row in rows]
    assert [float(row["low"]) for row in found] == [row["interval"][0] for row in rows]
    assert float(found[0]["fold_0"]) == rows[0]["per_fold"]["0"]
    assert list(found[0])[-3:] == ["fold_0", "fold_1", "fold_2"]  # whoever of the members has them
    rows = rows_of(made, capsys, "--shared", "--csv", str(tmp_path / "board.csv"))
    with (tmp_path / "board.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [float(row["behind_z"]) for row in found] == [row["behind"]["z"] for row in rows]


def test_a_csv_in_no_folder_is_refused_before_anything_is_counted(made, capsys, tmp_path):
    told = ask(made, capsys, "leaderboard", "--csv", str(tmp_path / "none" / "board.csv"), code=2)
    assert "there is no folder" in told.err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_fits_the_terminal(made, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = ask(made, capsys, "leaderboard").out.splitlines()
    assert max(map(len, lines[1:])) <= width
    assert {"member", "Dice", "interval", "records"} <= set(lines[1].split())


@pytest.mark.parametrize("width", [80, 100, 120])
def test_shared_says_how_far_each_is_behind_at_any_width(made, capsys, monkeypatch, width):
    write_again(made, "m0", member="efficientnet_b0-fc-t5-crops")  # a long name
    monkeypatch.setenv("COLUMNS", str(width))
    lines = ask(made, capsys, "leaderboard", "--shared").out.splitlines()
    assert ", 12 records;" in lines[0]
    assert {"member", "Dice", "behind"} <= set(lines[1].split())
    assert max(map(len, lines[1:])) <= width


def test_a_threshold_at_the_end_of_memory_is_said(made, capsys, monkeypatch):
    low = made.maps["m0"] // 12
    write_again(made, "m0", low, member="timid")
    assert "may lie below" not in ask(made, capsys, "leaderboard", "timid").err
    monkeypatch.setattr("ensemble.out_of_fold.BASE_BYTES", 0.0)
    monkeypatch.setattr("ensemble.out_of_fold.CHUNK_BYTES", 0.0)
    monkeypatch.setattr("ensemble.out_of_fold.LOW_RAM", 8 * (low >= 15).sum() / 1e9)
    assert "note: the best threshold of timid may lie below p = 0.0" in ask(made, capsys, "leaderboard", "timid").err


def test_nothing_predicted_is_said_with_what_to_do(made, capsys):
    shutil.rmtree(made.runs / "predictions")
    assert "cli zoo train" in ask(made, capsys, "leaderboard", code=1).err
    assert "cli zoo train" in ask(made, capsys, "leaderboard", "m0", code=1).err


def test_a_member_that_is_nowhere_is_answered_with_the_nearest_that_was_predicted(made, capsys, tmp_path):
    (tmp_path / "own.toml").write_text('base = "lite0-fc-t5"\n')
    write_text(tmp_path / "contrails.toml", '[lineups]\nboth = ["m0", "m1"]\n')
    config = ("--config", str(tmp_path / "contrails.toml"))
    for words, said in {
        ("nosuch",): 'no predicted member "nosuch"; known: m0, m1, m2\n',
        ("nosuch@abc",): 'no predicted member "nosuch@abc"; known: m0, m1, m2\n',
        ("bth", *config): 'no predicted member or line-up "bth"; did you mean "both"?\n',
        ("nosuch.toml",): 'no predicted member "nosuch.toml"; known: m0, m1, m2\n',
    }.items():
        assert ask(made, capsys, "leaderboard", *words, code=2).err == f"error: {made.runs}: {said}"
    for name in ("lite0-fc-t5", str(tmp_path / "own.toml")):
        assert f"run: cli zoo train {name} --fold all" in ask(made, capsys, "leaderboard", name, code=1).err


def test_who_was_not_predicted_with_a_tta_is_left_out_and_named(made, capsys):
    write_again(made, "m1", tta="d4")
    for names in ((), ("m0", "m1")):
        told = ask(made, capsys, "leaderboard", *names, "--tta", "d4", "--json")
        assert [row["name"] for row in json.loads(told.out)] == ["m1"]
        assert 'note: left out: m0: no out-of-fold predictions with TTA "d4", only with: none' in told.err
    told = ask(made, capsys, "leaderboard", "m0", "m2", "--tta", "d4", code=1)
    assert "it has no runs here that could predict" in told.err
    assert 'did you mean "d4"?' in ask(made, capsys, "leaderboard", "--tta", "d5", code=2).err


def test_the_real_runs_stand_where_the_fit_has_them(real_scenes, tmp_path, capsys):
    shutil.copytree(KEPT, tmp_path / "runs")
    words = ["--data", str(real_scenes), "--data", str(real_scenes / "ash_color"), "--runs", str(tmp_path / "runs")]
    assert run(["zoo", "leaderboard", *words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], round(row["dice"], 3), row["records"]) for row in rows] == [
        ("lite0-fc-t5", 0.510, 211),
        ("resnet18-fc-t5", 0.305, 211),
    ]
    assert rows[1]["behind"]["interval"][0] > 0


def test_who_predicted_none_of_the_data_is_left_out_and_named(made, capsys):
    for record in made.folds.records(0) + made.folds.records(1):  # all that m2 predicted
        shutil.rmtree(made.data / "train" / record)
    said = ask(made, capsys, "leaderboard", "--json")
    assert {row["name"] for row in json.loads(said.out)} == {"m0", "m1"}
    assert "note: left out: m2: " in said.err
    assert "error: no predicted record has labels" in ask(made, capsys, "leaderboard", "m2", code=1).err


def test_what_was_predicted_before_a_run_was_trained_on_stands_on_no_leaderboard_and_in_no_fit(made, capsys):
    write_signed(made.runs / "members/m1/abc123/fold-2/result.json", {"format": 2, "weights_sha256": "1" * 64})
    said = ask(made, capsys, "leaderboard", "--json")
    assert {row["name"] for row in json.loads(said.out)} == {"m0", "m2"}
    words = "note: left out: m1@abc123 fold 2: "
    assert words in said.err and "run: cli zoo predict m1@abc123 --tta none --data" in said.err
    fit = ["ensemble", "fit", "--data", str(made.data), "--runs", str(made.runs), "--jobs", "1", "--json"]
    assert run(fit) == 0
    assert words in capsys.readouterr().err
    assert run([*fit, "--members", "m0,m1"]) == 1
    assert "error: m1@abc123 fold 2: " in capsys.readouterr().err
