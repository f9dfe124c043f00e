"""Two processes that train one run together end as one process does, up to rounding."""

import os
import signal
import socket
import traceback
from dataclasses import replace

import numpy as np
import pytest
import torch

import zoo.training.team
from tests.forks import exit_code, forked
from tests.zoo.training.cases import TINY, complete, curve, plan, two_folds, write_scenes
from zoo.members import with_settings
from zoo.runs import Store
from zoo.runtime.checkpoints import load_weights, read_weights
from zoo.training import run_datasets
from zoo.training.follow import follow
from zoo.training.scoring import score
from zoo.workflows.train import train

# Uneven shares, scenes that are mixed within a batch, a Dice over all of it, BatchNorm with and without an activation.
UNEVEN = {
    "epochs": 2,
    "batch": 3,
    "augment": "d4+0.5*copy_paste+mixup",
    "loss": "bce_dice",
    "crop": 128,
    "optimizer": "sgd",
}
# Several batches a step, an encoder that is frozen in the first epoch, a moving average of the weights.
FROZEN = {"batch": 2, "accumulate": 2, "freeze": 0.34, "ema": 0.9, "clip": 1.0, "optimizer": "sgd", "lr": 1e-2}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def team(leads, scenes, size=2):
    """Exit codes of processes that torchrun would have started: process 0 does `leads`, the others follow."""
    port = free_port()

    def process(rank):
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        os.environ |= {key: str(value) for key, value in own.items()}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        try:
            leads() if rank == 0 else follow(lambda: scenes, "cpu", 1)
        except Exception:
            traceback.print_exc()  # of an error that the test does not expect
            raise

    return [exit_code(child) for child in [forked(lambda rank=rank: process(rank)) for rank in range(size)]]


def trains(scenes, root, recipe, on_epoch=lambda: None, **given):
    def work():
        with pytest.MonkeyPatch.context() as patch:
            line = zoo.workflows.train.epoch_line
            patch.setattr("zoo.workflows.train.epoch_line", lambda *of: (on_epoch(), line(*of))[1])
            how = {"folds": two_folds(scenes), "fold": "0", "device": "cpu", "jobs": 1}
            train(recipe, scenes, Store(root), **how, **given)

    return work


def assert_alike(one, other):
    assert [epoch for epoch, *_ in curve(one)] == [epoch for epoch, *_ in curve(other)]
    for (_, *first), (_, *second) in zip(curve(one), curve(other)):
        assert first == pytest.approx(second, rel=1e-3, abs=1e-4)
    weights, others = read_weights(one.best), read_weights(other.best)
    assert weights.keys() == others.keys()
    for name, values in weights.items():
        np.testing.assert_allclose(values.numpy(), others[name].numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("keys", [UNEVEN, FROZEN], ids=["uneven", "frozen"])
def test_two_processes_train_as_one_and_score_each_record_once(tmp_path, scenes, keys):
    recipe = with_settings(TINY, keys)
    log = ("tensorboard",)
    assert team(trains(scenes, tmp_path / "two", recipe, log=log), scenes) == [0, 0]
    trains(scenes, tmp_path / "one", recipe, log=log)()
    two, one = (plan(tmp_path / name, two_folds(scenes), recipe) for name in ("two", "one"))
    assert_alike(two, one)
    assert two.read_result()["made_with"][0]["processes"] == 2
    assert {path.name for path in two.folder.iterdir()} == {path.name for path in one.folder.iterdir()}
    for each in (two, one):  # the first process alone logs
        assert len([*each.store.logs.rglob("*tfevents*")]) == 1
    # The Dice of the shares together is that of all records, and no record is in two of them.
    network = zoo.training.team.TrainStep(recipe, torch.device("cpu"), "none").network
    load_weights(two.best, network)
    held_out = run_datasets(two, scenes, two_folds(scenes))[1]
    assert two.read_result()["dice"] == pytest.approx(score(network, held_out, torch.device("cpu"), 2)[0], abs=1e-5)


def test_a_killed_team_resumes_whatever_its_size(tmp_path, scenes):
    recipe = with_settings(TINY, {"optimizer": "sgd"})
    killed = trains(scenes, tmp_path / "two", recipe, lambda: os.kill(os.getpid(), signal.SIGKILL))
    codes = team(killed, scenes)
    assert codes[0] == -signal.SIGKILL
    assert codes[1] == 1  # the other one does not wait for it
    run = plan(tmp_path / "two", two_folds(scenes), recipe)
    assert not complete(run)
    assert team(trains(scenes, tmp_path / "two", recipe, seeds=1), scenes) == [0, 0]
    trains(scenes, tmp_path / "one", recipe)()
    assert_alike(run, plan(tmp_path / "one", two_folds(scenes), recipe))


def test_a_batch_without_a_scene_for_each_process_is_refused(tmp_path, scenes, capfd):
    recipe = replace(TINY, batch=1)
    assert team(trains(scenes, tmp_path, recipe), scenes)[0] == 1
    assert "batch = 1, and 2 processes; start fewer of them" in capfd.readouterr().err


def test_followers_are_no_part_of_a_command_of_one_process(monkeypatch):
    from core.jobs import job_count
    from core.ranks import is_follower

    assert not is_follower()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not is_follower()
    monkeypatch.setenv("RANK", "1")
    assert is_follower()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr("core.jobs.cpu_count", lambda: 10)
    assert (job_count(None), job_count(3)) == (2, 3)
