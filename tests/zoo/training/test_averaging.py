"""The mean of the best epochs' weights, where it is no worse than the best of them."""

import pytest
import torch

from tests.zoo.training.cases import TINY, complete, plan, trained
from zoo.members import with_settings
from zoo.runs.epochs import Epoch
from zoo.runtime.checkpoints import read_weights
from zoo.training import run_datasets, train
from zoo.training.averaging import epochs_to_average

RECIPE = {"epochs": 4, "average_best": 2}


def scored(*dice):
    return [Epoch(epoch=n, loss=0.0, lr=0.0, seconds=0.0, dice=d) for n, d in enumerate(dice, start=1)]


@pytest.mark.parametrize(
    ("history", "count", "chosen"),
    [
        (scored(0.1, 0.5, 0.3, 0.4), 3, [2, 3, 4]),
        (scored(0.5, 0.5, 0.5), 2, [1, 2]),
        (scored(None, None, None), 2, [2, 3]),
        (scored(0.1), 3, [1]),
        (scored(None, 0.1, None, 0.2, None), 2, [2, 4]),
        (scored(None, 0.1, None), 2, [2]),
        (scored(0.1, 0.5), 1, []),
    ],
)
def test_the_best_epochs_are_averaged_or_the_last_ones_where_none_was_scored(history, count, chosen):
    assert [epoch.epoch for epoch in epochs_to_average(history, count)] == chosen


def test_the_last_epochs_are_averaged_where_the_dice_is_not_to_choose():
    assert [epoch.epoch for epoch in epochs_to_average(scored(0.5, 0.4, 0.1), 2, by_dice=False)] == [2, 3]


def stopped_before_its_end(tmp_path, scenes, folds, monkeypatch, last):
    """Four epochs of which the second and third are best, the mean scored `last`; kept files are looked at."""
    scores = iter([0.1, 0.4, 0.3, 0.2, last])
    monkeypatch.setattr("zoo.training.loop.score", lambda *_: (next(scores), 0.25, 0.0))
    monkeypatch.setattr("zoo.training.loop.remove_left", lambda *_: None)
    return trained(tmp_path, scenes, folds, RECIPE)


def test_the_mean_takes_the_best_ones_place(tmp_path, scenes, folds, monkeypatch):
    run = stopped_before_its_end(tmp_path, scenes, folds, monkeypatch, last=0.5)
    parts = [read_weights(run.kept(number)) for number in (2, 3)]
    assert not run.kept(1).exists()
    mean = read_weights(run.best)
    assert not torch.equal(parts[0]["encoder.conv_stem.weight"], parts[1]["encoder.conv_stem.weight"])
    for key, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (parts[0][key] + parts[1][key]) / 2)
    result = run.read_result()
    assert (result["averaged"], result["dice"], result["best_epoch"]) == ([2, 3], 0.5, 2)
    assert complete(run)


def test_a_mean_that_is_worse_is_left_aside(tmp_path, scenes, folds, monkeypatch):
    run = stopped_before_its_end(tmp_path, scenes, folds, monkeypatch, last=0.39)
    assert run.best.read_bytes() == run.kept(2).read_bytes()
    result = run.read_result()
    assert (result["averaged"], result["dice"]) == ([], 0.4)


def test_every_stage_says_the_score_of_the_weights_that_were_kept(tmp_path, scenes, folds, monkeypatch):
    scores = iter([0.1, 0.4, 0.5, 0.2, 0.3, 0.6])  # of two epochs and of their mean, twice
    monkeypatch.setattr("zoo.training.loop.score", lambda *_: (next(scores), 0.25, 0.0))
    run = trained(tmp_path, scenes, folds, {"epochs": 2, "average_best": 2, "stages": [{}, {"lr": 0.002}]})
    stages = run.read_result()["stages"]
    assert [(stage["dice"], stage["averaged"], stage["best_epoch"]) for stage in stages] == [
        (0.5, [1, 2], 2),
        (0.6, [1, 2], 2),
    ]


def test_a_run_that_was_told_to_stop_averages_and_can_go_on(tmp_path, scenes, folds):
    run = plan(tmp_path / "stopped", folds, with_settings(TINY, RECIPE), fold="full")

    def stop(epoch):
        if epoch.epoch == 3:
            run.stop.touch()

    train(run, *run_datasets(run, scenes, folds), "cpu", report=stop)
    assert run.read_result()["averaged"] == [2, 3]
    assert complete(run)
    run.stop.unlink()
    train(run, *run_datasets(run, scenes, folds), "cpu")
    whole = trained(tmp_path / "whole", scenes, folds, RECIPE, fold="full")
    assert run.best.read_bytes() == whole.best.read_bytes()
    assert whole.read_result()["averaged"] == [3, 4]
    assert not list(whole.folder.glob("epoch-*.safetensors"))
