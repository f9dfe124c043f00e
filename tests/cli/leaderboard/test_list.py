"""What `cli zoo list` shows of the leaderboard, and which rows are kept for it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from core.files import write_json, write_text
from pipeline.leaderboard_rows import read_kept
from tests.cli.leaderboard.asking import ask, rows_of
from tests.ensemble.again import write_again
from tests.ensemble.runs import write_set
from zoo.members import load_member, with_settings

KEPT = Path(__file__).parents[2] / "fixtures" / "real_runs"


def own(made, capsys, *data):
    assert run(["zoo", "list", "--json", "--runs", str(made.runs), "--jobs", "1", *data]) == 0
    told = capsys.readouterr()
    return next(row for row in json.loads(told.out) if row["name"] == "m0-member"), told.err


def test_the_list_shows_own_scores_keeps_them_and_drops_them_with_their_predictions(
    made, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contrails.toml").write_text('members = "mine"\n')
    write_text(tmp_path / "mine" / "m0-member.toml", 'base = "lite0-fc-t5"\n')
    write_again(made, "m0", member="m0-member")
    row, error = own(made, capsys)
    assert row["dice"] is None
    assert "4 members are not scored yet" in error
    row, error = own(made, capsys, "--data", str(made.data))
    first = rows_of(made, capsys, "m0")[0]
    assert (row["dice"], row["interval"], row["records"]) == (first["dice"], first["interval"], 18)
    assert own(made, capsys) == (row, "")  # kept
    shutil.rmtree(made.runs / "predictions" / "m0-member")
    write_again(made, "m0", member="m0-member", checkpoint_sha256="1" * 64)
    assert own(made, capsys)[0]["dice"] is None


def listed(made, capsys, *names):
    """The lines of these members in the list, and the lines below the table."""
    lines = ask(made, capsys, "list").out.splitlines()
    below = lines[next(number for number, line in enumerate(lines) if line.startswith("own Dice")) :]
    return [next(line for line in lines if line.startswith(f"{name} ")) for name in names], "\n".join(below)


@pytest.mark.parametrize("width", [80, 160])
def test_the_list_marks_scores_of_one_fold_and_of_a_missing_run(made, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lite, resnet = (load_member(name) for name in ("lite0-fc-t5", "resnet18-fc-t5"))
    write_again(made, "m0", member=lite.name, recipe=lite.hash(False, made.folds.sha256))
    ids = made.folds.records(0)
    write_set(made, resnet.name, 0, ids, source="m1")
    (own, other), below = listed(made, capsys, lite.name, resnet.name)
    assert "*" not in own
    assert "†" not in own
    assert "*‡§ (" in other
    assert "* in-sample" in below
    assert "‡ its run is missing" in below
    assert ("18 (3 folds)" in own, f"{len(ids)} (1 fold)" in other) == (width == 160,) * 2
    row = next(row for row in json.loads(ask(made, capsys, "list", "--json").out) if row["name"] == lite.name)
    assert (row["kind"], row["folds"], row["runs"], row["changed"]) == ("cross_fitted", 3, 3, {})
    rows = {row["name"]: row for row in json.loads(ask(made, capsys, "list", "--json", "--sort", "-changed").out)}
    row = rows[resnet.name]
    assert (row["kind"], row["folds"], row["changed"]) == ("in_sample", 1, None)  # not known where it was trained
    told = ask(made, capsys, "leaderboard").out
    assert "*‡" in next(line for line in told.splitlines() if line.startswith(resnet.name))
    assert "m1" in told


def test_members_whose_epochs_were_chosen_by_their_own_folds_are_marked(made, capsys):
    by_others, by_itself = {"epoch_chosen_on": "other_folds"}, {"epoch_chosen_on": "held_out"}
    older, older_of_one_epoch = {"epochs": 7, "dice": 0.5}, {"epochs": 1, "dice": 0.5}  # results did not say
    ends = {
        "lite0-fc-t5": [by_others, by_others, by_others],
        "lite1-fc-t5": [by_others, by_others, by_itself],
        "lite2-fc-t5": [older, older, by_others],
        "resnet18-fc-t5": [older_of_one_epoch, by_others, by_others],
    }
    for member, results in ends.items():
        write_again(made, "m0", member=member)
        for fold, result in enumerate(results):
            place = made.runs / "members" / member / "abc123" / f"fold-{fold}"
            write_text(place / "recipe.toml", load_member(member).as_toml())
            write_json(place / "result.json", {"format": 1, "seconds": 1.0, "epochs": 2} | result)
    found = {row["name"]: row["epoch_chosen_on"] for row in rows_of(made, capsys)}
    assert [found[name] for name in (*ends, "m1")] == ["other_folds", "held_out", "held_out", "other_folds", None]
    told = ask(made, capsys, "leaderboard").out
    assert {line.split()[0] for line in told.splitlines() if "¶" in line} == {"lite1-fc-t5", "lite2-fc-t5", "¶"}
    assert "¶ epoch chosen on the fold that scores it: the Dice is a little too high" in told
    lines, below = listed(made, capsys, *ends)
    assert ["¶" in line for line in lines] == [False, True, True, False]
    assert "¶ epoch" in below


def test_what_the_list_says_of_a_recipe_is_read_anew(made, capsys):
    """Scores are kept; what a run was trained by, and what its member is now, may change beside them."""
    recipe = load_member("resnet18-fc-t5")
    write_again(made, "m0", member=recipe.name)
    place = made.runs / "members" / recipe.name / "abc123" / "fold-0"
    write_json(place / "result.json", {"format": 1, "seconds": 1.0, "epochs": 3})
    for settings in ({}, {"size": 128}):
        write_text(place / "recipe.toml", with_settings(recipe, settings).as_toml())
        row = next(row for row in json.loads(ask(made, capsys, "list", "--json").out) if row["name"] == recipe.name)
        assert row["changed"] == settings
        assert row["epochs_trained"] == 3


def test_a_torn_leaderboard_does_not_keep_the_list_from_being_shown(made, capsys):
    (made.runs / "leaderboard.json").write_text("{")
    assert "no scores of trained members" in ask(made, capsys, "list").err


def kept_rows(made):
    return json.loads((made.runs / "leaderboard.json").read_text())["rows"]


def test_the_list_shows_the_recipe_that_a_fit_takes_and_no_later_trial_of_one_fold(made, capsys):
    write_again(made, "m0", member="lite0-fc-t5")
    trial = made.runs / "predictions" / "lite0-fc-t5"
    write_again(made, "m2", member="lite0-fc-t5", recipe="def456")  # of two folds, and later
    shutil.rmtree(trial / "def456" / "oof" / "fold-1")
    row = next(row for row in json.loads(ask(made, capsys, "list", "--json").out) if row["name"] == "lite0-fc-t5")
    assert (row["recipe"], row["folds"]) == ("abc123", 3)
    fit = ["ensemble", "fit", "--members", "lite0-fc-t5", "--data", str(made.data), "--runs", str(made.runs), "--json"]
    assert run([*fit, "--jobs", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["members"]["lite0-fc-t5"]["cross_fitted"] == row["dice"]


def test_mended_masks_are_scored_anew_where_the_data_are_named(made, capsys):
    write_again(made, "m0", member="lite0-fc-t5")

    def shown(*data):
        assert run(["zoo", "list", "--json", "--runs", str(made.runs), "--jobs", "1", *data]) == 0
        return next(r["dice"] for r in json.loads(capsys.readouterr().out) if r["name"] == "lite0-fc-t5")

    data = ("--data", str(made.data))
    first = shown(*data)
    stamp = (made.runs / "leaderboard.json").stat().st_mtime_ns
    assert shown(*data) == first
    assert (made.runs / "leaderboard.json").stat().st_mtime_ns == stamp  # nothing was scored
    for record in made.case.ids[:9]:
        path = made.data / "train" / record / "human_pixel_masks.npy"
        np.save(path, np.roll(np.load(path), 100, axis=0))
    assert shown() == first  # without the data nobody can tell
    mended = shown(*data)
    assert mended != first
    assert mended == next(row["dice"] for row in rows_of(made, capsys, "lite0-fc-t5"))


def test_rows_on_a_part_of_the_data_are_shown_and_said_and_replace_none_on_more(made, capsys):
    write_again(made, "m0", member="lite0-fc-t5")
    before = {row["name"]: row for row in rows_of(made, capsys)}
    kept = kept_rows(made)
    for record in made.folds.records(0)[:2]:
        shutil.rmtree(made.data / "train" / record)
    said = ask(made, capsys, "leaderboard", "--json")
    assert said.err.count("note: 2 of 18 predicted records have no labels in the data named here; ") == 1
    part = {row["name"]: row for row in json.loads(said.out)}
    assert {name: row["records"] for name, row in part.items()} == {"lite0-fc-t5": 16, "m0": 16, "m1": 16, "m2": 10}
    listed = ask(made, capsys, "list", "--json")
    assert listed.err.count("note: 2 of 18 predicted records") == 1
    assert own_dice(listed.out) == part["lite0-fc-t5"]["dice"]
    assert kept_rows(made) == kept
    assert run(["zoo", "list", "--json", "--runs", str(made.runs)]) == 0
    assert own_dice(capsys.readouterr().out) == before["lite0-fc-t5"]["dice"]


def own_dice(listed):
    return next(row["dice"] for row in json.loads(listed) if row["name"] == "lite0-fc-t5")


def test_rows_on_a_part_of_the_data_are_kept_where_there_are_no_others_until_there_are(made, capsys):
    away = made.data.parent / "away"
    shutil.move(made.data / "train" / made.folds.records(0)[0], away)
    rows_of(made, capsys)
    assert max(row["records"] for row in kept_rows(made)) == 17
    shutil.move(away, made.data / "train" / made.folds.records(0)[0])
    rows_of(made, capsys)
    assert max(row["records"] for row in kept_rows(made)) == 18


def test_the_data_are_opened_once_where_the_list_scores(made, capsys, monkeypatch):
    import zoo.data

    opened, calls = zoo.data.open_scenes, []
    monkeypatch.setattr(zoo.data, "open_scenes", lambda paths: calls.append(paths) or opened(paths))
    ask(made, capsys, "list")
    assert len(calls) == 1
    assert len(kept_rows(made)) == 3


def test_rows_of_predictions_that_are_gone_or_made_anew_are_dropped(made, capsys):
    rows_of(made, capsys)
    assert sorted(row["name"] for row in kept_rows(made)) == ["m0", "m1", "m2"]
    shutil.rmtree(made.runs / "predictions" / "m0")
    shutil.rmtree(made.runs / "predictions" / "m1")
    write_again(made, "m2", member="m1", checkpoint_sha256="1" * 64)
    rows_of(made, capsys, "m1")
    assert sorted((row["name"], row["records"]) for row in kept_rows(made)) == [("m1", 12), ("m2", 12)]


def test_the_kept_rows_are_read_once_to_be_shown(made, capsys, monkeypatch):
    rows_of(made, capsys)
    calls = []
    monkeypatch.setattr("pipeline.leaderboard.read_kept", lambda store: calls.append(store) or read_kept(store))
    assert ask(made, capsys, "list").err.count("not scored") == 0
    assert len(calls) == 1


def test_members_with_scores_come_first_unless_another_order_is_asked_for(made, capsys):
    write_again(made, "m0", member="resnet18-fc-t5")
    names = [line.split()[0] for line in ask(made, capsys, "list").out.splitlines()[1:]]
    assert {*names[:4]} == {"m0", "m1", "m2", "resnet18-fc-t5"}
    names = [line.split()[0] for line in ask(made, capsys, "list", "--sort", "-name").out.splitlines()[1:]]
    assert names[0].startswith("tf_")
