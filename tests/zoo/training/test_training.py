"""Runs: which records they see, their curves, resuming, and the predictions that they end with."""

import json

import numpy as np
import pytest
import torch

from core.errors import UsageError, UserError
from tests.scenes import write_record
from zoo.data import make_folds, open_scenes
from zoo.members import load_member, with_settings
from zoo.predict import TTA, predict_set, probabilities
from zoo.predictions import find_members
from zoo.targets import TARGETS
from zoo.training import find_runs, plan_run, run_examples, run_records, train
from zoo.training.loop import best_dice
from zoo.training.schedule import learning_rate

TINY = with_settings(
    load_member("lite0-fc-t5"),
    {"encoder": "test_efficientnet", "weights": "none", "size": 64, "batch": 2, "epochs": 3, "crop": 0},
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(6):
        write_record(folder, "train", str(100 + number), mask=60 * number)
    write_record(folder, "validation", "200", mask=50)
    write_record(folder, "validation", "201", mask=0)
    write_record(folder, "test", "200", seed=200)
    return open_scenes([folder])


@pytest.fixture(scope="module")
def folds(scenes):
    return make_folds(scenes, 2)


def plan(runs, folds, recipe=TINY, fold="0", **keys):
    return plan_run(recipe, fold, folds, runs, **({"seed": 0, "with_val": False} | keys))


def curve(run):
    rows = [json.loads(line) for line in (run.folder / "epochs.jsonl").read_text().splitlines()]
    return [(row["epoch"], row["loss"], row["dice"], row["lr"]) for row in rows]


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


@pytest.mark.parametrize("fold", ["2", "-1", "x", "0.5"])
def test_a_fold_that_the_split_lacks_is_refused(tmp_path, folds, fold):
    with pytest.raises(UsageError, match="folds 0 to 1"):
        plan(tmp_path, folds, fold=fold)


def test_a_killed_run_goes_on_with_the_same_curve(tmp_path, scenes, folds):
    whole = plan(tmp_path / "whole", folds)
    train(whole, *run_examples(whole, scenes, folds), "cpu")
    killed = plan(tmp_path / "killed", folds)

    def kill(epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(killed, *run_examples(killed, scenes, folds), "cpu", report=kill)
    assert not killed.complete
    train(killed, *run_examples(killed, scenes, folds), "cpu")
    assert curve(killed) == curve(whole)
    assert killed.best.read_bytes() == whole.best.read_bytes()


def test_a_torn_state_starts_anew(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    run.folder.mkdir(parents=True)
    (run.folder / "last.pt").write_bytes(b"torn")
    assert len(train(run, *run_examples(run, scenes, folds), "cpu")) == 3


@pytest.mark.parametrize("target", TARGETS.names())
def test_a_run_learns_its_target_and_is_scored_by_the_mask(tmp_path, scenes, folds, target):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1, "target": target, "augment": "d4", "crop": 128}))
    seen, held = run_examples(run, scenes, folds)
    assert (seen.batch([0])[1].shape[1], held.batch([0])[1].shape[1]) == (run.recipe.heads, 1)
    assert train(run, seen, held, "cpu")[0].dice is not None
    made = predict_set(run, scenes, held.records, split="oof")
    assert made.maps(made.record_ids).shape == (len(held), 256, 256)


def test_a_stop_file_ends_a_run_cleanly(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    run.folder.mkdir(parents=True)
    (run.folder / "stop").touch()
    assert len(train(run, *run_examples(run, scenes, folds), "cpu")) == 1
    assert run.complete
    run.stop.unlink()
    assert not run.complete
    assert len(train(run, *run_examples(run, scenes, folds), "cpu")) == 3
    assert run.complete


def test_spoilt_weights_are_noticed_and_made_again(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1}))
    train(run, *run_examples(run, scenes, folds), "cpu")
    good = run.best.read_bytes()
    run.best.write_bytes(good[:-1] + b"!")
    assert not run.complete
    run.best.unlink()
    train(run, *run_examples(run, scenes, folds), "cpu")
    assert run.best.read_bytes() == good


def test_sources_that_hold_only_a_part_of_the_split_are_refused(tmp_path, scenes, folds):
    write_record(tmp_path / "part", "train", "100")
    with pytest.raises(UserError, match=r"folds\.csv lists 7 records that these sources lack, 101 first"):
        run_records(plan(tmp_path, folds), open_scenes([tmp_path / "part"]), folds)


def test_folds_and_seeds_draw_differently(tmp_path, folds):
    runs = [plan(tmp_path, folds), plan(tmp_path, folds, fold="1"), plan(tmp_path, folds, seed=1)]
    assert len({run.random_seed("epoch", 0) for run in runs}) == 3
    assert len({run.folder for run in runs}) == 3


def test_a_loss_that_is_not_finite_stops_with_the_step_and_the_records(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"lr": 99.0, "optimizer": "sgd", "loss": "dice", "epochs": 40}))
    seen, held = run_examples(run, scenes, folds)
    image, label = seen.batch([0])
    seen._kept[0] = (image[0] * float("nan"), label[0])
    with pytest.raises(UserError, match=r"loss is not finite at epoch 1, step \d \(records .*\).*--set lr="):
        train(run, seen, held, "cpu")


def test_what_was_trained_is_found_again(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1}))
    train(run, *run_examples(run, scenes, folds), "cpu")
    assert find_runs(tmp_path, run.recipe.name, run.hash) == [run]
    assert find_runs(tmp_path, run.recipe.name, "0" * 12) == []


def test_held_out_and_test_predictions_end_in_the_cache(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1}))
    train(run, *run_examples(run, scenes, folds), "cpu")
    _, held = run_records(run, scenes, folds)
    made = predict_set(run, scenes, held, split="oof")
    assert made.record_ids == tuple(sorted(r.id for r in held))
    again = predict_set(run, scenes, held, split="oof")
    assert np.array_equal(again.maps(made.record_ids), made.maps(made.record_ids))
    predict_set(run, scenes, scenes.test, split="test")
    assert find_members(tmp_path, "test", [run.recipe.name])[0].record_ids == ("200",)
    assert find_members(tmp_path, "oof")[0].record_ids == made.record_ids


class Bright(torch.nn.Module):
    """A network that sees a contrail half a pixel down and right of bright pixels, as a trained one does."""

    def forward(self, images):
        image = images[:, 0, :1]
        down = torch.cat([image[..., :1, :], image[..., :-1, :]], dim=-2)
        both = (image + down) / 2
        right = torch.cat([both[..., :1], both[..., :-1]], dim=-1)
        return (both + right) / 2 * 8 - 4


@pytest.mark.parametrize("tta", TTA)
def test_registered_views_agree_with_the_plain_one(tta):
    """Each view of such a network, brought home, is the same map: nothing is smeared."""
    images = torch.rand(2, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    plain = probabilities(Bright(), images, "none")
    seen = probabilities(Bright(), images, tta)
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert np.abs(seen - plain)[inner].max() < 1e-6


def test_unregistered_views_are_those_of_the_log():
    images = torch.rand(1, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    assert np.abs(probabilities(Bright(), images, "flips", False) - probabilities(Bright(), images)).max() > 0.01


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


def test_the_rate_warms_up_and_falls_to_nothing():
    recipe = with_settings(TINY, {"lr": 1.0, "warmup": 0.1, "schedule": "cosine"})
    rates = [learning_rate(recipe, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1.0 == rates[9]
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 1e-3
    flat = with_settings(TINY, {"lr": 1.0, "schedule": "constant", "warmup": 0.0})
    assert {learning_rate(flat, step, 7) for step in range(7)} == {1.0}
