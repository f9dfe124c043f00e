"""`zoo.workflows.train`: members on folds, from the plan to the held-out predictions."""

import json
import os
import re
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import load_file, save_file

import zoo.inference
import zoo.training.loop
from core.errors import UsageError, UserError
from core.files import read_json, sha256_of_file
from core.signing import write_signed
from tests.heard import Heard
from tests.zoo.training.cases import STAGED, TINY, two_folds, write_scenes
from zoo.data import Folds, make_folds, open_scenes, read_folds, write_folds
from zoo.members import load_member, with_settings
from zoo.predictions import find_members
from zoo.runs import Ref, Store
from zoo.workflows.predict import predict
from zoo.workflows.train import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    (folder / "staged.toml").write_text(STAGED)
    return folder


@pytest.fixture(scope="module")
def scenes(folder):
    return write_scenes(folder / "scenes")


@pytest.fixture
def trains(folder, scenes):
    """Train in one store that the tests of this module share: results and what was heard."""

    def trains(members, fold="0", store=folder / "runs", **options):
        heard = Heard()
        options = {"device": "cpu", "jobs": 1, "epochs": 1, "listener": heard} | options
        return train(members, scenes, Store(store), fold=fold, **options), heard

    return trains


def test_folds_with_unknown_scene_groups_are_refused_unless_told_otherwise(trains, tmp_path, scenes):
    rows = (replace(row, grouped_by="unknown" if row.record_id == "103" else "") for row in make_folds(scenes, 2).rows)
    write_folds(tmp_path / "folds.csv", Folds(tuple(rows)))
    with pytest.raises(UserError, match=r"the scene group of 1 record \(103\) is unknown.*remove them, and split anew"):
        trains(TINY, store=tmp_path)
    assert not (tmp_path / "members").exists()
    (trained,), _ = trains(TINY, store=tmp_path, allow_ungrouped=True)
    assert not trained.reused
    trains(TINY, fold="full", store=tmp_path)  # holds nothing out


def test_folds_are_made_and_the_records_of_each_are_predicted(trains, tmp_path):
    trained, heard = trains(TINY, fold="all", store=tmp_path)
    folds = read_folds(tmp_path / "folds.csv")
    assert [each.run.fold for each in trained] == [str(fold) for fold in range(folds.count)]
    for fold, each in enumerate(trained):
        assert set(each.predictions.record_ids) == set(folds.records(fold))
        assert not each.reused
    assert heard.details[0] == "lite0-fc-t5 fold 0: 1 threads, device cpu"
    assert f"{tmp_path / 'folds.csv'}: did not exist; made {folds.count} folds grouped by scene" in heard.infos
    again, heard = trains(TINY, fold="all", store=tmp_path)
    assert all(each.reused for each in again)
    assert heard.infos == [f"lite0-fc-t5 fold {fold}: is trained already, reused" for fold in range(folds.count)]
    frame = again.to_frame()
    assert list(frame["fold"]) == [each.run.fold for each in trained]
    assert list(frame["dice"]) == [each.dice for each in trained]


def test_a_run_learns_and_predicts_at_the_offset_of_its_source(tmp_path, monkeypatch):
    seen = set()
    view, compose = zoo.training.loop.training_view, zoo.inference.compose

    def trains():
        seen.clear()
        (trained,) = train(
            TINY, open_scenes(folder), Store(tmp_path / "runs"), fold="0", device="cpu", jobs=1, epochs=1
        )
        return trained

    monkeypatch.setattr(
        zoo.training.loop, "training_view", lambda recipe, *rest: seen.add(recipe.view_offset) or view(recipe, *rest)
    )
    monkeypatch.setattr(zoo.inference, "compose", lambda *given: seen.add(given[-1]) or compose(*given))
    folder = tmp_path / "scenes"
    write_scenes(folder)
    before = trains()
    assert seen == {0.5}
    (folder / "source.toml").write_text("label_offset = -1.0\n")
    after = trains()
    assert seen == {-1.0}
    assert (after.run.ref != before.run.ref, after.reused) == (True, False)


def test_validation_records_that_are_not_trained_on_are_told_of_once(trains, tmp_path):
    words = "2 validation records not trained on; --with-val adds them"
    assert [line for line in trains(TINY, "all", tmp_path)[1].infos if "--with-val adds" in line] == [words]
    assert words not in trains(TINY, "0", tmp_path)[1].infos  # reused
    assert words not in trains(TINY, "0", tmp_path, with_val=True)[1].infos


def test_folds_that_are_given_are_kept_and_others_are_refused(trains, scenes, tmp_path):
    folds = two_folds(scenes)
    (each,), _ = trains(TINY, store=tmp_path, folds=folds)
    assert read_folds(tmp_path / "folds.csv").sha256 == folds.sha256 == each.run.folds_sha256
    with pytest.raises(UserError, match="holds other folds"):
        trains(TINY, store=tmp_path, folds=make_folds(scenes, 3))


def test_each_stages_score_stands_beside_the_logged_one(trains, folder):
    (each,), heard = trains(str(folder / "staged.toml"))
    row = each.as_dict()
    assert (len(row["stages"]), row["logged_stages"]) == (2, [0.1234])
    assert any(line.startswith("staged fold 0 stage 2: epoch 1/1  loss ") for line in heard.infos)
    assert any(line.startswith("staged fold 0: trains on ") for line in heard.infos)


def test_a_run_that_was_stopped_says_so_and_is_resumed(trains):
    def stopped_run(heard):
        return [line for line in heard.infos if "stopped at" in line]

    recipe = with_settings(TINY, {"lr": 0.002})
    (each,), _ = trains(recipe, epochs=2)
    run = each.run
    assert (each.stopped_at, each.as_dict()["stopped"]) == (None, False)
    shutil.rmtree(run.folder)
    run.folder.mkdir()
    run.stop.touch()
    (each,), heard = trains(recipe, epochs=2)
    line = f"lite0-fc-t5 fold 0: stopped at epoch 1 of 2; remove {run.stop} to train it on"
    assert stopped_run(heard) == [line]
    (each,), heard = trains(recipe, epochs=2)
    assert stopped_run(heard) == [line.replace("; ", ", reused; ")]
    row = each.as_dict()
    assert (row["stopped"], row["stopped_at"], row["planned_epochs"]) == (True, "epoch 1 of 2", 2)
    run.stop.unlink()
    (each,), heard = trains(recipe, epochs=2)
    assert stopped_run(heard) == []
    assert any("epoch 2/2" in line for line in heard.infos)


def test_a_stop_file_in_the_first_stage_ends_a_staged_run(trains, folder):
    staged = with_settings(load_member(str(folder / "staged.toml")), {"lr": 0.002})
    (each,), _ = trains(staged)
    shutil.rmtree(each.run.folder)
    each.run.folder.mkdir()
    each.run.stop.touch()
    (each,), heard = trains(staged)
    assert not any("stage 2: epoch" in line for line in heard.infos)
    assert each.stopped_at == "stage 1 of 2, epoch 1 of 1"


def test_no_threshold_reads_nought(trains, folder):
    staged = with_settings(load_member(str(folder / "staged.toml")), {"average_best": 2})
    _, heard = trains(staged, epochs=2)
    lines = [line for line in heard.infos if "epoch 2/2" in line]
    assert lines
    assert not any("at 0.00 " in line for line in lines)


@pytest.fixture(scope="module")
def spoilable(folder, scenes):
    """Run of one epoch that tests spoil and train again."""
    (each,) = train(TINY, scenes, Store(folder / "own"), fold="0", epochs=1, device="cpu", jobs=1)
    return each.run


@pytest.fixture
def again(trains, folder):
    def again(**options):
        (each,), heard = trains(TINY, store=folder / "own", **options)
        return each, heard

    return again


def test_a_member_that_is_named_twice_is_trained_once(trains, spoilable, folder):
    (folder / "lite0-fc-t5.toml").write_text('base = "lite0-fc-t5"\n')
    sets = {key: getattr(TINY, key) for key in ("encoder", "weights", "decoder_channels", "size", "batch", "crop")}
    names = ["lite0-fc-t5", "lite0-fc-t5", str(folder / "lite0-fc-t5.toml")]
    trained, _ = trains(names, store=folder / "own", sets={**sets, "precision": "fp32"})
    assert [each.run.folder for each in trained] == [spoilable.folder]
    assert trained[0].reused


def test_weights_that_were_spoilt_are_named_before_they_are_trained_again(again, spoilable):
    good = spoilable.best.read_bytes()
    spoilable.best.write_bytes(good[:-1] + b"!")
    _, heard = again()
    digits = "[0-9a-f]{12}"
    words = f"lite0-fc-t5 fold 0: {spoilable.best} has SHA-256 {digits}, and the run ended with {digits}"
    assert re.fullmatch(f"{words}; it is trained again", heard.infos[0])
    spoilable.best.unlink()
    _, heard = again()
    assert heard.infos[0] == f"lite0-fc-t5 fold 0: {spoilable.best} is gone; it is trained again"
    assert spoilable.best.read_bytes() == good


@pytest.mark.parametrize("torn", ["", "null", "changed"])
def test_a_result_that_is_torn_is_named_before_its_run_is_trained_again(again, spoilable, torn):
    good = read_json(spoilable.result)
    spoilable.result.write_text(json.dumps(good | {"held_out": 7}) if torn == "changed" else torn)
    _, heard = again()
    assert heard.infos[0] == f"lite0-fc-t5 fold 0: {spoilable.result} is damaged; it is trained again"
    assert read_json(spoilable.result)["weights_sha256"] == good["weights_sha256"]


@pytest.mark.parametrize("left", [None, ""])
def test_a_complete_run_whose_recipe_is_lost_is_reused_and_gets_it_again(again, spoilable, left):
    recipe = spoilable.folder / "recipe.toml"
    good = recipe.read_bytes()
    recipe.unlink()
    if left is not None:
        recipe.write_text(left)
    each, _ = again()
    assert each.reused and recipe.read_bytes() == good


def test_a_result_that_cannot_be_read_ends_the_command_and_trains_nothing(again, spoilable, monkeypatch):
    weights, opened = spoilable.best.stat().st_mtime_ns, os.open

    def fail(path, *given, **named):
        if str(path).endswith("result.json"):
            raise OSError(24, "Too many open files")
        return opened(path, *given, **named)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(UserError, match=r"result.json: cannot be read \(Too many open files\)"):
        again()
    assert spoilable.best.stat().st_mtime_ns == weights


def test_a_run_that_finds_nothing_is_warned_of(again, spoilable):
    kept = spoilable.result.read_text()
    write_signed(spoilable.result, json.loads(kept) | {"dice": 0.0})
    warning = "lite0-fc-t5 fold 0: Dice 0: it finds no contrail of its fold at any threshold"
    _, heard = again()
    assert [line.startswith(warning) for line in heard.warnings] == [True]
    assert "what may help: a lower rate (--set lr=0.0003), more epochs (now 1), pretrained weights" in heard.warnings[0]
    write_signed(spoilable.result, json.loads(kept) | {"dice": None})
    assert again()[1].warnings == [
        "lite0-fc-t5 fold 0: no contrail pixel in its held-out records: no Dice, and its last epoch is kept"
    ]
    spoilable.result.write_text(kept)
    assert again()[1].warnings == []


def test_a_runs_own_recipe_trains_the_other_folds_of_its_member(trains, spoilable, folder):
    for _ in range(2):
        (each,), _ = trains(str(spoilable.recipe_file), fold="1", store=folder / "own", epochs=None)
        assert (each.run.member, each.run.folder) == ("lite0-fc-t5", spoilable.folder.with_name("fold-1"))
    assert each.reused
    shutil.rmtree(each.run.folder)


def test_a_run_on_all_records_has_no_score_and_predicts_none(trains):
    (each,), _ = trains(TINY, fold="full")
    assert (each.dice, each.predictions) == (None, None)


def test_a_member_starts_from_anothers_run_of_the_same_fold(trains):
    (source,), _ = trains(TINY, fold="1")
    (each,), heard = trains(TINY, fold="1", start="lite0-fc-t5")
    assert f"starts from {source.run.ref}; {each.run.folder}" in heard.infos[0]
    assert each.as_dict()["started_from"] == source.ended.weights_sha256
    assert each.run.recipe.start_from == str(source.run.ref)
    (reused,), _ = trains(TINY, fold="1", start="lite0-fc-t5")
    assert reused.reused
    best = source.run.best
    save_file({key: value + 1 for key, value in load_file(best).items()}, best)
    write_signed(source.run.result, {**read_json(source.run.result), "weights_sha256": sha256_of_file(best)})
    (each,), heard = trains(TINY, fold="1", start="lite0-fc-t5")  # as if the source had been trained on
    assert f"of {source.run.ref}, from which it started, have changed; it is trained again" in heard.infos[0]
    assert each.as_dict()["started_from"] == sha256_of_file(best)
    (reused,), _ = trains(TINY, fold="1", start="lite0-fc-t5")
    assert reused.reused


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("lite0-fc-t", 'start_from: {runs}: no trained member "lite0-fc-t"; did you mean "lite0-fc-t5"?'),
        ("lite0-fc-t5@00000000", "lite0-fc-t5@00000000: was not trained in {runs}; there are: lite0-fc-t5@"),
        ("lite1-fc-t5", "start_from: lite1-fc-t5 has encoder tf_efficientnet_lite1, and this one test_efficientnet; "),
    ],
)
def test_a_start_that_is_not_there_is_answered_with_what_is(trains, spoilable, folder, start, words):
    with pytest.raises(UserError, match=re.escape(words.format(runs=folder / "own"))) as raised:
        trains(TINY, store=folder / "own", start=start)
    assert isinstance(raised.value, UsageError) == ("@" not in start)


def test_options_and_settings_that_differ_are_refused(trains):
    with pytest.raises(UsageError, match="--epochs 2 and --set epochs=3 differ; give one of them"):
        trains(TINY, epochs=2, sets={"epochs": 3})
    with pytest.raises(UsageError, match="--from a and --set start_from=b differ"):
        trains(TINY, start="a", sets={"start_from": "b"})


def test_several_seeds_make_several_runs_of_a_fold_whose_maps_are_averaged(trains, folder, scenes):
    trained, _ = trains(str(folder / "staged.toml"), fold="1", seeds=2)
    assert [each.run.seed for each in trained] == [0, 1]
    assert trained[0].ended.weights_sha256 != trained[1].ended.weights_sha256
    assert trained[1].run.folder.name == "fold-1-seed-1"
    store = Store(folder / "runs")
    predicted = predict("staged", scenes, store, fold="1", device="cpu", jobs=1)
    assert [each.as_dict()["seed"] for each in predicted] == [0, 1]
    (maps,) = find_members(store, "oof", [Ref.parse("staged")])
    assert len([part for part in maps.sets if part.provenance.fold == "1"]) == 2
