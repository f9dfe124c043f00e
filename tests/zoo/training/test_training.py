"""Runs: which records they see, what stops them, and the predictions that they end with."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError, UserError
from core.files import sha256_of_file
from core.signing import matches
from tests.scenes import write_record
from tests.zoo.training.cases import TINY, complete, curve, plan, trained
from zoo.data import Assignment, Folds, open_scenes
from zoo.inference import predict_set
from zoo.members import with_settings
from zoo.predictions import find_members
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs
from zoo.runs.run import run_records
from zoo.training import run_datasets, train
from zoo.training.scoring import best_dice

GOLDEN = Path(__file__).parents[2] / "golden" / "runs"


def test_a_run_holds_out_its_fold_and_trains_on_train_records(tmp_path, scenes, folds):
    seen, held = run_records(plan(tmp_path, folds), scenes, folds)
    assert {folds.fold_of[r.id] for r in held} == {0}
    assert {r.split for r in seen} == {"train"}
    assert {r.split for r in held} == {"train", "validation"}
    more, _ = run_records(plan(tmp_path, folds, with_val=True), scenes, folds)
    assert {r.id for r in more} | {r.id for r in held} == set(folds.fold_of)
    assert not {r.id for r in more} & {r.id for r in held}


def test_full_trains_on_all_and_holds_none_out(tmp_path, scenes, folds):
    seen, held = run_records(plan(tmp_path, folds, fold="full", with_val=True), scenes, folds)
    assert (len(seen), held) == (8, [])


def test_a_run_writes_what_an_older_version_wrote(tmp_path, scenes, folds):
    """result.json and epochs.jsonl have the keys of tests/golden; with stages, each row of those too.

    Since then, a result says what chose its epoch, and on what it was trained.
    """

    def as_before(keys):
        return [key for key in keys if key not in ("epoch_chosen_on", "made_with")]

    run = trained(tmp_path, scenes, folds, {"stages": [{"epochs": 1}, {"epochs": 1}]})
    kept = next(GOLDEN.glob("members/tiny-staged/*/fold-0-seed-3"))
    for folder, old in ((run.folder, kept), (run.folder / "stage-1", kept / "stage-1")):
        result, before = (json.loads((place / "result.json").read_text()) for place in (folder, old))
        assert as_before(result) == [*before, "digest"] and matches(result)
        assert [as_before(stage) for stage in result["stages"]] == [list(stage) for stage in before["stages"]]
        line, before = (json.loads((p / "epochs.jsonl").read_text().splitlines()[0]) for p in (folder, old))
        assert list(line) == [*before, "digest"] and matches(line)


def test_the_held_out_fold_is_scored_every_so_many_epochs_and_last(tmp_path, scenes, folds):
    run = trained(tmp_path, scenes, folds, {"epochs": 5, "score_every": 2})
    dice = [row[2] for row in curve(run)]
    assert [one is None for one in dice] == [False, True, False, True, False]
    result = run.read_result()
    assert [*result["candidates"]] == ["3", "5"]
    assert result["dice"] == max(dice[::2]) == dice[result["best_epoch"] - 1]
    assert sha256_of_file(run.best) == result["weights_sha256"]


@pytest.mark.parametrize("fold", ["2", "-1", "x", "0.5"])
def test_a_fold_that_the_split_lacks_is_refused(tmp_path, folds, fold):
    with pytest.raises(UsageError, match="folds 0 to 1"):
        plan(tmp_path, folds, fold=fold)


def test_sources_that_hold_only_a_part_of_the_split_are_refused(tmp_path, scenes, folds):
    write_record(tmp_path / "part", "train", "100")
    with pytest.raises(UserError, match=r"folds\.csv lists 7 records that these sources lack, 101 first"):
        run_records(plan(tmp_path, folds), open_scenes([tmp_path / "part"]), folds)


def test_folds_and_seeds_draw_differently(tmp_path, folds):
    runs = [plan(tmp_path, folds), plan(tmp_path, folds, fold="1"), plan(tmp_path, folds, seed=1)]
    assert len({run.random_seed("epoch", 0) for run in runs}) == 3
    assert len({run.folder for run in runs}) == 3


def test_a_rate_that_blows_up_stops_with_the_step_the_records_and_advice(tmp_path, scenes, folds):
    recipe = with_settings(TINY, {"lr": 90.0, "optimizer": "sgd", "weight_decay": 99.0, "epochs": 40})
    run = plan(tmp_path, folds, recipe, fold="full")
    with pytest.raises(UserError) as caught:
        train(run, *run_datasets(run, scenes, folds), "cpu")
    found = re.fullmatch(
        r"lite0-fc-t5 fold full: the loss is not finite at epoch \d+, step \d+ \(records (.*)\); .* --set lr=30, .*",
        str(caught.value),
    )
    assert found, caught.value
    assert set(found[1].split(", ")) <= {record.id for record in run_records(run, scenes, folds)[0]}
    assert not complete(run)


def test_a_record_that_is_not_finite_is_named(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    seen, held = run_datasets(run, scenes, folds)
    image, label = seen.batch([1])
    seen._kept[1] = (image[0] * float("nan"), label[0])
    with pytest.raises(
        UserError, match=f"record {seen.records[1].id} has channels that are not finite; run: cli data check"
    ):
        train(run, seen, held, "cpu")


def test_an_output_that_is_not_finite_is_no_score(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    seen, held = run_datasets(run, scenes, folds)
    image, label = held.batch([0])
    held._kept[0] = (image[0] * float("nan"), label[0])
    with pytest.raises(UserError, match=f"not finite on held-out records .*{held.records[0].id}"):
        train(run, seen, held, "cpu")


@pytest.mark.parametrize("average", [1, 2])
def test_without_a_contrail_to_find_the_last_epoch_is_kept(tmp_path, average):
    """0/0 is the same for all epochs: it chooses none, and patience does not count."""
    for number in range(6):
        write_record(tmp_path / "scenes", "train", str(number), mask=60 * (number < 4))
    scenes = open_scenes(tmp_path / "scenes")
    folds = Folds(tuple(Assignment(str(number), int(number >= 4)) for number in range(6)))
    run = trained(tmp_path, scenes, folds, {"epochs": 3, "patience": 1, "average_best": average}, "1")
    result = run.read_result()
    assert (result["best_epoch"], result["epochs"], result["lost_patience"]) == (3, 3, False)
    assert (result["dice"], result["threshold"]) == (None, None)
    assert result["averaged"] == ([2, 3] if average == 2 else [])


def test_what_was_trained_is_found_again(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1}))
    train(run, *run_datasets(run, scenes, folds), "cpu")
    assert [ended.run for ended in find_runs(Store(tmp_path), Ref(run.recipe.name, run.hash))] == [run]
    assert find_runs(Store(tmp_path), Ref(run.recipe.name, "0" * 12)) == []


def test_held_out_and_test_predictions_end_in_the_cache(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1}))
    train(run, *run_datasets(run, scenes, folds), "cpu")
    _, held = run_records(run, scenes, folds)
    made = predict_set(run.ended(), scenes, held, split="oof")
    assert made.record_ids == tuple(sorted(r.id for r in held))
    again = predict_set(run.ended(), scenes, held, split="oof")
    assert np.array_equal(again.maps(made.record_ids), made.maps(made.record_ids))
    predict_set(run.ended(), scenes, scenes.test, split="test")
    assert find_members(Store(tmp_path), "test", [Ref.parse(run.recipe.name)])[0].record_ids == ("200",)
    assert find_members(Store(tmp_path), "oof")[0].record_ids == made.record_ids


def test_the_best_threshold_is_that_of_trying_them_all(rng):
    values, truth = rng.integers(0, 256, 5000), rng.random(5000) < 0.1
    values[truth] = np.minimum(255, values[truth] + 60)
    tried = {t: 2 * (truth & (values >= t)).sum() / (truth.sum() + (values >= t).sum()) for t in range(1, 256)}
    dice, threshold, half = best_dice(
        np.bincount(values[truth], minlength=256), np.bincount(values[~truth], minlength=256)
    )
    assert dice == pytest.approx(max(tried.values()))
    assert tried[round(threshold * 255)] == pytest.approx(dice)
    assert half == pytest.approx(tried[128])
