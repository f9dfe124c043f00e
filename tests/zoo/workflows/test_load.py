"""`zoo.load` and `zoo.open_predictions`: modules that answer as the runs predict, sets from their folders."""

import shutil

import numpy as np
import pytest
import torch

import zoo
from core.errors import UserError
from tests.zoo.training.cases import trained_folder
from zoo.inference import predict_records, predict_set
from zoo.runs import Store
from zoo.runs.run import run_records

FRAMES = [4, 5]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Scenes, and the runs of two folds."""
    return trained_folder(tmp_path_factory.mktemp("load"), {"epochs": 1, "frames": FRAMES}, folds="01")


@torch.inference_mode()
def answers(module, scenes, records):
    assert module.bands == (11, 14, 15) and module.frames == (4, 5)
    kelvin = np.stack([scenes.kelvin(record, module.bands, module.frames) for record in records])
    return module(torch.from_numpy(kelvin)).numpy()


def predicted(run, scenes, records):
    return np.stack([probability for _, probability in predict_records(run, scenes, records, "none", "cpu")])


def test_a_member_is_the_mean_of_its_runs(made):
    scenes, _, runs = made
    records = scenes.labelled[:2]
    each = [predicted(run, scenes, records) for run in runs]
    assert np.abs(each[0] - each[1]).max() > 1e-4
    member = runs[0].recipe.name
    for source, fold, expected in (
        (member, "all", np.mean(each, axis=0)),
        (str(runs[0].ref), "1", each[1]),
        (runs[0].ref, "0", each[0]),
    ):
        module = zoo.load(source, runs[0].store, fold=fold)
        assert not module.training
        np.testing.assert_allclose(answers(module, scenes, records), expected, rtol=0, atol=5e-6)


def test_a_run_or_its_folder_is_that_run(made):
    scenes, _, runs = made
    expected = predicted(runs[1], scenes, scenes.test)
    for source in (runs[1], runs[1].folder):
        np.testing.assert_allclose(answers(zoo.load(source), scenes, scenes.test), expected, rtol=0, atol=5e-6)


def test_the_default_store_is_the_folder_runs(made, monkeypatch):
    scenes, _, runs = made
    monkeypatch.chdir(runs[0].store.root.parent)
    assert answers(zoo.load(runs[0].recipe.name), scenes, scenes.test).shape == (1, 256, 256)


def test_what_is_not_complete_is_refused(made, tmp_path):
    _, _, runs = made
    store = Store(shutil.copytree(runs[0].store.root, tmp_path / "runs"))
    lost = store.run(runs[1].ref, runs[1].name)
    lost.best.write_bytes(b"other weights")
    with pytest.raises(UserError, match="has SHA-256 .*; train the run again"):
        zoo.load(lost.folder)
    with pytest.raises(UserError, match="no complete run of fold 1; run: cli zoo train"):
        zoo.load(runs[0].recipe.name, store)
    with pytest.raises(UserError, match="is not a run folder"):
        zoo.load(store.root)
    with pytest.raises(UserError, match="no trained member"):
        zoo.load("nobody", store)


def test_a_prediction_set_opens_by_its_folder(made):
    scenes, folds, runs = made
    _, held = run_records(runs[0], scenes, folds)
    ended = runs[0].ended()
    written = predict_set(ended, scenes, held, split="oof", tta="flips", device_name="cpu")
    opened = zoo.open_predictions(str(written.folder))
    assert opened.record_ids == tuple(record.id for record in held)
    np.testing.assert_array_equal(opened.maps(opened.record_ids), written.maps(written.record_ids))
    with pytest.raises(UserError, match="holds no complete prediction set"):
        zoo.open_predictions(written.folder.parent)
