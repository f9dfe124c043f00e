"""Error analysis on a runs folder: what is analysed is what the leaderboard and the fit counted."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.errors import UnknownName, UsageError, UserError
from core.signing import write_signed
from ensemble import Ensemble, FitJob, FitOptions, fit_runs
from pipeline import open_runs
from pipeline.errors import find_errors
from pipeline.leaderboard import leaderboard
from tests.ensemble.runs import fake_runs
from tests.heard import Heard
from zoo.data import open_scenes
from zoo.runs import Ref, Store


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """m0 and m1 on all three folds."""
    return fake_runs(tmp_path_factory.mktemp("fake"), records=12, noise=(1.0, 1.2))


@pytest.fixture
def made(original, tmp_path):
    """A copy that can be changed."""
    shutil.copytree(original.runs.parent, tmp_path, dirs_exist_ok=True)
    return replace(original, runs=tmp_path / "runs", data=tmp_path / "data")


def opened(made):
    return Store(made.runs), open_scenes(made.data)


def per_record(report):
    return {record.record_id: list(record.counts) for record in report.records}


def test_a_member_has_the_dice_and_interval_of_its_row_on_the_leaderboard(made):
    store, scenes = opened(made)
    (row,) = leaderboard(store, scenes, [Ref("m1")], jobs=1).rows
    report = find_errors(store, scenes, "m1", jobs=1)
    assert (report.name, report.kind) == ("m1@abc123", "cross_fitted")
    assert (report.dice.value, report.dice.interval) == (row.dice, row.interval)
    assert open_runs(made.runs).errors("m1@abc", scenes, jobs=1).counts == report.counts


@pytest.mark.parametrize("method", ["greedy", "stack"])
@pytest.mark.parametrize("min_pixels", ["none", "component"])
def test_an_ensemble_has_the_cross_fitted_counts_of_its_fit_record_by_record(made, method, min_pixels):
    store, scenes = opened(made)
    fitted = fit_runs(store, scenes, FitJob(name="e", options=FitOptions(method, min_pixels), jobs=1))
    fitted.save(store)
    heard = Heard()
    report = find_errors(store, scenes, "e", listener=heard)
    ensemble = fitted.ensemble
    assert per_record(report) == dict(zip(ensemble.record_ids, ensemble.per_record["cross_fitted"]))
    assert (report.name, report.kind) == ("ensemble e", "cross_fitted")
    assert heard.notes == []


def test_an_ensemble_of_a_single_fold_is_in_sample(tmp_path):
    made = fake_runs(tmp_path, records=6, folds=2, noise=(1.0, 1.2), lacking=[("m0", 1), ("m1", 1)])
    store, scenes = opened(made)
    fitted = fit_runs(store, scenes, FitJob(jobs=1))
    fitted.save(store)
    for name, dice in (("default", fitted.ensemble.report.dice), ("m0", None)):
        report = find_errors(store, scenes, name, jobs=1)
        assert report.kind == "in_sample"
        assert dice in (None, report.dice.value)


def test_labels_that_changed_since_the_fit_are_counted_as_they_are_and_noted(made):
    store, scenes = opened(made)
    fit_runs(store, scenes, FitJob(jobs=1)).save(store)
    path = made.data / "train" / made.case.ids[0] / "human_pixel_masks.npy"
    np.save(path, np.ones((256, 256, 1), np.int32))
    heard = Heard()
    report = find_errors(store, open_scenes(made.data), "default", listener=heard)
    assert report.counts.truth > made.case.masks.sum()
    assert heard.notes == ["ensemble default: the labels of 1 of its records have changed since its fit"]


def test_an_ensemble_that_was_edited_or_kept_no_levels_is_refused_with_the_command_that_fits_it(made):
    store, scenes = opened(made)
    fit_runs(store, scenes, FitJob(jobs=1)).save(store)
    path = store.ensemble("default")
    before = json.loads(path.read_text())
    older = json.loads(path.read_text())
    for fold in older["fitted"]["folds"]:
        del fold["level"], fold["table"]
    for document, words in ((older, "earlier release"), (before | {"edited": True}, "edited by hand")):
        write_signed(path, {key: value for key, value in document.items() if key != "digest"})
        assert Ensemble.load(path).name == "default"
        with pytest.raises(UserError, match=f"{words}.*run: cli ensemble fit"):
            find_errors(store, scenes, "default")


def test_a_name_of_neither_or_of_both_is_refused(made):
    store, scenes = opened(made)
    with pytest.raises(UserError, match="there is no such ensemble; run: cli ensemble fit$"):
        find_errors(store, scenes, "default")
    fit_runs(store, scenes, FitJob(name="m0", jobs=1)).save(store)
    fit_runs(store, scenes, FitJob(name="mine", jobs=1)).save(store)
    with pytest.raises(UnknownName, match='no predicted member or ensemble "mime"; did you mean "mine"?'):
        find_errors(store, scenes, "mime")
    with pytest.raises(UsageError, match='"m0" is a member and an ensemble'):
        find_errors(store, scenes, "m0")
    assert find_errors(store, scenes, "ensemble+m0", jobs=1).name != "m0@abc123"
    with pytest.raises(UsageError, match="--tta: ensemble mine has views of its own"):
        find_errors(store, scenes, "mine", tta="d4")
    assert find_errors(store, scenes, "m0@abc123", jobs=1).name == "m0@abc123"
    with pytest.raises(UserError, match="no out-of-fold predictions"):
        find_errors(Store(made.runs / "none"), scenes, "m0")


def test_labelers_and_temperatures_are_used_where_a_record_has_them_and_each_of_the_worst_has_a_picture(made, tmp_path):
    number = int(made.case.masks.sum(axis=(1, 2)).argmax())
    record, mask = made.case.ids[number], made.case.masks[number]
    place = made.data / "train" / record
    individual = np.stack([mask, mask, np.roll(mask, 1, axis=0)], axis=-1)[:, :, None].astype(np.int32)
    np.save(place / "human_individual_masks.npy", individual)
    for band in (11, 14, 15):
        np.save(place / f"band_{band}.npy", np.full((256, 256, 8), 245 + band, np.float32))
    store, scenes = opened(made)
    report = find_errors(store, scenes, "m0", out=tmp_path / "pictures", worst=2, jobs=1)
    found = {one.record_id: one for one in report.records}
    assert (found[record].labelers, found[record].t14, found[record].cold) == (3, 259, 0)
    assert {(one.labelers, one.t14) for one in report.records if one.record_id != record} == {(0, None)}
    assert report.labelers()["records"] == 1
    drawn = {path.stem: Image.open(path).width for path in (tmp_path / "pictures").glob("*.png")}
    assert drawn.keys() == {one.record_id for one in report.worst(2)}
    assert record in drawn
    assert {width // 510 for width in drawn.values()} == {3 + 2 * (name == record) for name in drawn}
