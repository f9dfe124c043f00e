"""Folds choose each other's epochs: in any order of training, after a kill at any write, and never by their own."""

import os
import shutil
import signal
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

import zoo.workflows.train
from core.files import read_json, write_json
from tests.forks import exit_code, forked
from tests.heard import Heard
from tests.zoo.training.cases import TINY, write_scenes
from zoo.data import make_folds
from zoo.members import with_settings
from zoo.predictions import find_members
from zoo.runs import Ref, Store
from zoo.runs.store import HELD_OUT, LAST, OTHER_FOLDS
from zoo.runtime.checkpoints import read_weights
from zoo.workflows.train import train

RISING, PEAK, LOW = [0.1, 0.2, 0.3], [0.1, 0.5, 0.2], [0.0, 0.10, 0.15]
CURVES = [RISING, PEAK, LOW]
OWN, OTHERS = [3, 2, 3], [2, 3, 2]  # best epochs of each fold by its own curve, and by the other folds'


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def split(scenes):
    return make_folds(scenes, 3)


@pytest.fixture
def scores(monkeypatch, split):
    """A function that gives each fold its curve; a mean of epochs scores 0.9."""

    def give(curves):
        def score(network, held_out, *_):
            epochs = held_out.__dict__.setdefault("scored", count())
            curve = curves[split.fold_of[held_out.records[0].id]]
            dice = dict(enumerate(curve)).get(next(epochs), 0.9)
            return (None, None, None) if dice is None else (dice, 0.5, dice)

        monkeypatch.setattr("zoo.training.loop.score", score)
        monkeypatch.setattr("zoo.training.settling.score", lambda *_: (0.9, 0.25, 0.9))

    give(CURVES)
    return give


@pytest.fixture
def trains(scenes, split, scores):
    """A function that trains folds of the tiny recipe for three epochs: results and what was heard."""

    def trains(store, fold="all", recipe=TINY, **options):
        heard = Heard()
        options = {"folds": split, "device": "cpu", "jobs": 1, "epochs": 3, "listener": heard} | options
        return train(recipe, scenes, Store(store), fold=fold, **options), heard

    return trains


@pytest.fixture
def no_maps(monkeypatch):
    """Predictions are left out."""
    monkeypatch.setattr("zoo.workflows.train.predict_run", lambda *_: None)


def facts(trained):
    """Results of runs but for the time that they took."""
    results = sorted((each.run.read_result() for each in trained), key=lambda result: result["fold"])
    return [{key: value for key, value in result.items() if "seconds" not in key} for result in results]


def files(store):
    """Files of all runs but for results and lines, which hold times, and what a killed process was writing."""
    apart = (".json", ".jsonl", ".tmp", ".lock")
    found = (path for path in (store / "members").rglob("*") if path.is_file() and path.suffix not in apart)
    return {str(path.relative_to(store)): path.read_bytes() for path in found}


def epochs(trained):
    return [each.run.read_result()["best_epoch"] for each in trained]


def test_folds_choose_each_others_epochs_and_are_predicted_once(tmp_path, trains):
    trained, heard = trains(tmp_path)
    assert epochs(trained) == OTHERS
    assert [each.dice for each in trained] == [curve[epoch - 1] for curve, epoch in zip(CURVES, OTHERS)]
    assert {each.ended.epoch_chosen_on for each in trained} == {OTHER_FOLDS}
    assert [line for line in heard.infos if "chosen" in line] == [
        f"lite0-fc-t5 fold {fold}: epoch {epoch} of 3, chosen by the other folds" for fold, epoch in enumerate(OTHERS)
    ]
    assert not list(tmp_path.rglob("epoch-*")) + list(tmp_path.rglob("chosen*"))
    for each in trained:
        held = len(each.predictions.record_ids)
        assert heard.tasks[f"{each.run.label} oof"] == [held, held]
        assert each.predictions.provenance.checkpoint_sha256 == each.ended.weights_sha256
    again, heard = trains(tmp_path)
    assert all(each.reused for each in again)
    assert heard.infos == [f"lite0-fc-t5 fold {fold}: is trained already, reused" for fold in range(3)]


@pytest.mark.parametrize("when", ["before it predicts", "after it predicted"])
def test_a_run_that_another_process_settles_meanwhile_is_predicted_with_the_chosen_weights(
    tmp_path, trains, monkeypatch, when
):
    """The last fold is trained while the one before it is being predicted."""
    trains(tmp_path, "0")
    predict_run, calls = zoo.workflows.train.predict_run, []

    def predicts(ended, *rest):
        calls.append(ended.run.fold)
        if when == "after it predicted":
            predicted = predict_run(ended, *rest)
        if len(calls) == 1:
            trains(tmp_path, "2")
        return predicted if when == "after it predicted" else predict_run(ended, *rest)

    monkeypatch.setattr("zoo.workflows.train.predict_run", predicts)
    (each,), _ = trains(tmp_path, "1")
    assert epochs([each]) == [OTHERS[1]]
    whole, _ = trains(tmp_path / "whole")
    assert each.ended.weights_sha256 == whole[1].ended.weights_sha256
    places = Store(tmp_path).sets("oof")
    made = [read_json(place.manifest)["provenance"] for place in places]
    used = {row["fold"]: row["checkpoint_sha256"] for row in made}
    assert used == {run.run.fold: run.ended.weights_sha256 for run in whole}


def test_folds_trained_one_by_one_end_as_those_trained_together(tmp_path, trains):
    whole, _ = trains(tmp_path / "whole")
    for fold in ("2", "0"):
        (each,), heard = trains(tmp_path / "single", fold)
        assert epochs([each]) == [OWN[int(fold)]]
        assert each.ended.epoch_chosen_on == HELD_OUT
        assert "the epoch is chosen on the fold that scores it" in heard.infos[-1]
        assert heard.infos[-1].endswith(f"run: cli zoo train {each.run.recipe_file} --fold all")
    trains(tmp_path / "single", "1")
    single, heard = trains(tmp_path / "single")
    assert heard.infos == [f"lite0-fc-t5 fold {fold}: is trained already, reused" for fold in range(3)]
    assert facts(single) == facts(whole)
    assert files(tmp_path / "single") == files(tmp_path / "whole")
    maps = [find_members(Store(tmp_path / name), names=[Ref("lite0-fc-t5")])[0] for name in ("whole", "single")]
    assert maps[0].record_ids == maps[1].record_ids
    assert (maps[0].maps(maps[0].record_ids) == maps[1].maps(maps[0].record_ids)).all()


@pytest.fixture(scope="module")
def unsettled(tmp_path_factory):
    """Folder of the runs that wait for their choice; the first test that asks trains them."""
    return tmp_path_factory.mktemp("unsettled")


@pytest.fixture
def waiting(unsettled, tmp_path, trains, no_maps, monkeypatch):
    """A function that copies trained runs, as if they were killed before the choice of their epochs."""
    if not any(unsettled.iterdir()):
        with monkeypatch.context() as patched:
            patched.setattr("zoo.workflows.train._Trainer._settled", lambda trainer, ended: ended)
            trains(unsettled)
    return lambda name: Path(shutil.copytree(unsettled, tmp_path / name))


def killed_at(work, moment):
    """Run `work` in a child that is killed before its so many-th rename or removal of a file: true if it was."""

    def die():
        changes = count()

        def unless_dead(real):
            def change(*given, **keys):
                if next(changes) == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*given, **keys)

            return change

        Path.replace, Path.unlink = unless_dead(Path.replace), unless_dead(Path.unlink)
        work()

    return exit_code(forked(die)) == -signal.SIGKILL


def test_a_kill_at_any_write_is_made_good_by_the_same_command_without_training(waiting, trains):
    whole = waiting("whole")
    trains(whole, "2")  # the others are settled, too
    for moment in count():
        store = waiting(f"killed-{moment}")
        was_killed = killed_at(lambda store=store: trains(store, "2"), moment)
        (each,), heard = trains(store, "2")
        assert each.ended.complete
        assert not any("trains on" in line for line in heard.infos)
        assert files(store) == files(whole)
        shutil.rmtree(store)
        if not was_killed:
            break
    assert moment > 12


def test_processes_that_train_folds_of_one_recipe_do_not_settle_them_at_once(waiting, trains):
    whole, store = waiting("whole"), waiting("shared")
    trains(whole)
    children = [forked(lambda fold=fold: trains(store, fold)) for fold in ("0", "1", "2")]
    assert [exit_code(child) for child in children] == [0, 0, 0]
    assert files(store) == files(whole)


def test_a_mean_is_of_the_epochs_that_the_other_folds_find_best(tmp_path, trains, no_maps, scores, monkeypatch):
    scores([[0.9, 0.1, 0.1, 0.1, 0.1], [0, 0, 0.3, 0.1, 0.2], [0, 0, 0.1, 0.1, 0.3]])
    kept = {}
    monkeypatch.setattr("zoo.training.settling._finish", lambda ended: kept.update({ended.run.fold: ended.run}))
    trained, _ = trains(tmp_path, recipe=with_settings(TINY, {"average_best": 2}), epochs=5)
    result = trained[0].run.read_result()
    assert (result["best_epoch"], result["averaged"], result["dice"]) == (5, [3, 5], 0.9)
    mean, *parts = (read_weights(path) for path in (kept["0"].chosen, kept["0"].kept(3), kept["0"].kept(5)))
    key = "encoder.conv_stem.weight"
    torch.testing.assert_close(mean[key], (parts[0][key] + parts[1][key]) / 2)


def test_a_fold_without_contrails_has_its_epoch_chosen_and_chooses_none(tmp_path, trains, no_maps, scores):
    scores([[None] * 3, PEAK, LOW])
    trained, heard = trains(tmp_path)
    assert epochs(trained) == [2, 3, 2]
    assert [each.ended.epoch_chosen_on for each in trained] == [OTHER_FOLDS] * 3
    assert "no Dice, and the other folds chose its epoch" in heard.warnings[0]


def test_without_a_vote_the_last_epoch_is_taken(tmp_path, trains, no_maps, scores):
    scores([PEAK, [None] * 3, [None] * 3])
    trained, heard = trains(tmp_path)
    assert epochs(trained) == [3, 2, 2]
    assert [each.ended.epoch_chosen_on for each in trained] == [LAST, OTHER_FOLDS, OTHER_FOLDS]
    assert any("fold 0: epoch 3 of 3, chosen by rule, since no other fold" in line for line in heard.infos)


def test_a_candidate_that_was_spoilt_is_passed_over(waiting, trains):
    store = waiting("runs")
    (spoilt,) = store.glob("members/*/*/fold-0/epoch-2.safetensors")
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"!")
    trained, _ = trains(store)
    assert epochs(trained) == [3, *OTHERS[1:]]
    assert all(each.ended.complete for each in trained)


def test_a_settled_fold_whose_weights_are_lost_is_trained_to_the_same_end(waiting, trains):
    store, whole = waiting("runs"), waiting("whole")
    trains(whole)
    trained, _ = trains(store)
    trained[0].run.best.unlink()
    (each,), heard = trains(store, "0")
    assert "is gone; it is trained again" in heard.infos[0]
    assert (epochs([each]), each.ended.epoch_chosen_on) == ([OTHERS[0]], OTHER_FOLDS)
    assert files(store) == files(whole)


def test_runs_of_older_releases_vote_and_stay_as_they_are(waiting, trains):
    store = waiting("runs")
    for fold in ("0", "1"):
        (result,) = store.glob(f"members/*/*/fold-{fold}/result.json")
        apart = ("candidates", "epoch_chosen_on", "digest")
        write_json(result, {key: value for key, value in read_json(result).items() if key not in apart} | {"format": 1})
        for path in result.parent.glob("epoch-*"):
            path.unlink()
    trained, _ = trains(store)
    assert all(each.reused for each in trained)
    assert epochs(trained) == [OWN[0], OWN[1], OTHERS[2]]
    assert [each.ended.epoch_chosen_on for each in trained] == [HELD_OUT, HELD_OUT, OTHER_FOLDS]


def test_a_stopped_fold_is_waited_for(tmp_path, trains, no_maps):
    for fold in ("0", "1"):
        trains(tmp_path, fold)
    (place,) = tmp_path.glob("members/*/*/fold-0")
    stop = place.with_name("fold-2") / "stop"
    stop.parent.mkdir()
    stop.touch()
    trained, _ = trains(tmp_path)
    assert [each.ended.epoch_chosen_on for each in trained] == [HELD_OUT, HELD_OUT, LAST]
    stop.unlink()
    trained, _ = trains(tmp_path)
    assert epochs(trained) == OTHERS


def test_runs_without_a_common_candidate_keep_their_own_choice_and_say_so(tmp_path, trains, no_maps, scores):
    scores([[0.5, 0.1, 0.1, 0.1], PEAK, LOW])
    trained, heard = trains(tmp_path, recipe=with_settings(TINY, {"patience": 1}), epochs=4)
    assert [each.ended.result["epochs"] for each in trained] == [2, 3, 4]
    assert {each.ended.epoch_chosen_on for each in trained} == {HELD_OUT}
    assert any("chosen on the fold itself, since it shares no candidate" in line for line in heard.infos)
    assert not list(tmp_path.rglob("epoch-*"))


def test_a_run_that_started_from_unsettled_weights_is_trained_again_once(tmp_path, trains, no_maps):
    heir = with_settings(replace(TINY, name="heir"), {"start_from": TINY.name})
    trains(tmp_path, "0")
    trains(tmp_path, "0", heir, epochs=1)
    trains(tmp_path)  # settles the start
    _, heard = trains(tmp_path, "0", heir, epochs=1)
    assert any("from which it started, have changed; it is trained again" in line for line in heard.infos)
    trained, _ = trains(tmp_path, "0", heir, epochs=1)
    assert trained[0].reused


def test_stages_pass_on_their_last_epoch(tmp_path, trains, no_maps, scores):
    scores([[0.9, 0.1, 0.2, 0.3], [0.9, 0.1, 0.5, 0.2], [0.9, 0.1, 0.1, 0.15]])
    recipe = with_settings(TINY, {"stages": [{"epochs": 1}, {"epochs": 3}]})
    trained, _ = trains(tmp_path, recipe=recipe, epochs=None)
    for each, epoch in zip(trained, OTHERS):
        first, last = each.run.read_result()["stages"]
        assert (first["best_epoch"], first["epoch_chosen_on"]) == (1, LAST)
        assert (last["best_epoch"], last["epoch_chosen_on"]) == (epoch, OTHER_FOLDS)
        assert each.ended.epoch_chosen_on == OTHER_FOLDS
