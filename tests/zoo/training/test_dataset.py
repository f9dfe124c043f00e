"""What a run trains on and what it is scored by: targets, and inputs scaled by statistics."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.errors import UserError
from tests.scenes import write_record
from tests.zoo.training.cases import TINY, plan
from zoo.data import BANDS, open_scenes
from zoo.inference import predict_records, predict_set
from zoo.inputs import read_scaling, reading, write_scaling
from zoo.members import with_settings
from zoo.runtime.stored import as_images
from zoo.targets import TARGETS
from zoo.training import run_datasets, train
from zoo.training.dataset import RecordDataset, read_image
from zoo.workflows.pack import pack_scenes


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        *((target, {}) for target in TARGETS.names()),
        ("mean_hard", {"loss": "bce+0.3*cldice | dice", "deep_supervision": [0.5, 0.25]}),
    ],
)
def test_a_run_learns_its_target_and_is_scored_by_the_mask(tmp_path, scenes, folds, target, keys):
    keys = {"epochs": 1, "target": target, "augment": "d4", "crop": 128, **keys}
    run = plan(tmp_path, folds, with_settings(TINY, keys))
    seen, held = run_datasets(run, scenes, folds)
    assert (seen.batch([0])[1].shape[1], held.batch([0])[1].shape[1]) == (run.recipe.heads, 1)
    assert train(run, seen, held, "cpu")[0].dice is not None
    made = predict_set(run.ended(), scenes, held.records, split="oof")
    assert made.maps(made.record_ids).shape == (len(held), 256, 256)


def test_borders_are_smoothed_in_training_and_not_in_the_score(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"border_smoothing": 0.5}))
    seen, held = (part.batch(range(len(part)))[1] for part in run_datasets(run, scenes, folds))
    assert ((seen > 0.5) == (seen > 0.25)).all()
    assert ((seen > 0) & (seen < 1)).any()
    assert ((held == 0) | (held == 1)).all()


def test_statistics_are_of_the_records_trained_on_and_lie_with_the_run(tmp_path, folds):
    """A held-out record may look like anything: no statistic may know of it."""
    for number in range(6):
        write_record(tmp_path / "data", "train", str(100 + number), bands=BANDS, mask=60)
    for name in ("200", "201"):
        write_record(tmp_path / "data", "validation", name, bands=BANDS, mask=50)
    scenes = open_scenes([tmp_path / "data"])
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1, "input": "all_bands_mean_std"}))
    seen, held = run_datasets(run, scenes, folds)
    scaling = read_scaling(run.scaling, run.recipe.input)
    kelvin = np.stack([scenes.kelvin(record, BANDS, (5,)) for record in seen.records]).astype(float)
    assert scaling.shift == pytest.approx(kelvin.mean(axis=(0, 2, 3, 4)))
    assert scaling.scale == pytest.approx(kelvin.std(axis=(0, 2, 3, 4)), rel=1e-4)
    train(run, seen, held, "cpu")
    as_trained = predicted(run, scenes, held.records)
    write_scaling(run.scaling, replace(scaling, shift=scaling.shift + 20))
    assert not np.array_equal(predicted(run, scenes, held.records), as_trained)
    run.scaling.write_text(run.scaling.read_text().replace("2", "3", 1))
    with pytest.raises(UserError, match="has been changed since it was written; make it again") as error:
        predicted(run, scenes, held.records)
    assert str(error.value.do) == f"cli zoo train {run.recipe_file} --fold 0"
    run_datasets(run, scenes, folds)
    assert np.array_equal(predicted(run, scenes, held.records), as_trained)
    run.scaling.unlink()
    with pytest.raises(UserError, match=r"scaling\.json"):
        predicted(run, scenes, held.records)


@pytest.mark.parametrize(
    "keys", [{"crop": 128, "augment": "d4"}, {"input": "fc_ridge", "target": "mean"}, {"input": "fc_and_bands"}]
)
def test_packed_records_train_and_predict_as_if_read_one_by_one(tmp_path, folds, keys, monkeypatch):
    for number in range(6):
        write_record(tmp_path / "raw", "train", str(100 + number), bands=(11, 13, 14, 15), mask=60 * number, labelers=4)
    for name in ("200", "201"):
        write_record(tmp_path / "raw", "validation", name, bands=(11, 13, 14, 15), mask=50)
    pack_scenes([tmp_path / "raw"], tmp_path / "packed", inputs=[keys.get("input", "fc")])
    scenes = open_scenes(tmp_path / "packed")
    found = []
    for way in ("at once", "one by one"):
        if way == "one by one":
            monkeypatch.setattr(RecordDataset, "_packed", None)
            monkeypatch.setattr(reading, "_stored", lambda *given: None)
        run = plan(tmp_path / way, folds, with_settings(TINY, {"epochs": 1, **keys}))
        seen, held = run_datasets(run, scenes, folds)
        (epoch,) = train(run, seen, held, "cpu")
        found.append((epoch.loss, epoch.dice, epoch.threshold, predicted(run, scenes, held.records)))
        images = as_images(seen.batch([2, 0])[0])
        records = [seen.records[number] for number in (2, 0)]
        assert torch.equal(
            images, torch.stack([read_image(run.recipe, scenes, r, seen.scaling).float() for r in records])
        )
    assert found[0][:3] == found[1][:3]
    assert np.array_equal(found[0][3], found[1][3])


def predicted(run, scenes, records):
    return np.stack([maps for _, maps in predict_records(run, scenes, records, "none", "cpu")])
