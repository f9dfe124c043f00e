"""Adaptation: BatchNorm statistics of records without a mask, in a run that starts from another."""

from dataclasses import replace

import pytest
import torch

from core.errors import UsageError, UserError
from tests.scenes import write_record
from tests.zoo.training.cases import TINY, trained
from zoo import train
from zoo.data import open_scenes
from zoo.members import with_settings
from zoo.models import build
from zoo.runs import Store
from zoo.runs.find import find_runs
from zoo.runtime.checkpoints import load_weights, read_weights
from zoo.training.adapting import adapted_records
from zoo.training.dataset import read_images

ADAPTED = with_settings(replace(TINY, name="adapted"), {"start_from": TINY.name, "adapt": True})
UNLABELLED = ["300", "301", "302", "303"]


@pytest.fixture(scope="module")
def own(tmp_path_factory, scenes):
    """The labelled scenes, and four records without a mask."""
    folder = tmp_path_factory.mktemp("own")
    for name in UNLABELLED:
        write_record(folder, "test", name, seed=int(name))
    return open_scenes([*scenes.paths, folder])


@pytest.fixture(scope="module")
def runs(tmp_path_factory, scenes, own, folds):
    """Store, the run of fold 0 that is started from, and the adapted one."""
    folder = tmp_path_factory.mktemp("adapted")
    start = trained(folder, scenes, folds, {"epochs": 1})
    (found,) = train(ADAPTED, own, Store(folder), folds=folds, fold="0", jobs=1)
    return Store(folder), start, found


def test_statistics_are_those_of_the_records_without_a_mask(runs, own):
    _, start, found = runs
    records = adapted_records(ADAPTED, own)
    assert [record.id for record in records] == UNLABELLED
    before, after = (read_weights(run.best) for run in (start, found.run))
    changed = {key for key in after if not torch.equal(before[key], after[key])}
    assert {key.rpartition(".")[2] for key in changed} <= {"running_mean", "running_var", "num_batches_tracked"}

    network = build(ADAPTED, "none")
    load_weights(start.best, network)
    name, first = next((name, one) for name, one in network.named_modules() if isinstance(one, torch.nn.BatchNorm2d))
    means: list[torch.Tensor] = []
    first.register_forward_pre_hook(lambda _, given: means.append(given[0].mean(dim=(0, 2, 3))))
    network.eval()
    with torch.no_grad():
        for part in (records[:2], records[2:]):
            network(read_images(ADAPTED, own, part, None))
    torch.testing.assert_close(after[f"{name}.running_mean"], torch.stack(means).mean(dim=0))
    assert after[f"{name}.num_batches_tracked"] == 2


def test_an_adapted_run_is_a_run_like_any_other(runs, own, folds):
    store, start, found = runs
    assert found.predictions is not None
    result = found.ended.result
    assert (result["member"], result["adapted_on"]) == ("adapted", len(UNLABELLED))
    assert result["started_from"] == start.read_result()["weights_sha256"]
    (again,) = train(ADAPTED, own, store, folds=folds, fold="0", jobs=1)
    assert again.reused


def test_an_adapted_run_is_itself_and_counts_its_own_time(own, scenes, folds, tmp_path):
    """Also if it adapts without the validation records a run that was trained with them."""
    (start,) = train(with_settings(TINY, {"epochs": 1}), scenes, Store(tmp_path), folds=folds, fold="0", with_val=True)
    start.run.write_result(start.ended.result | {"cpu_seconds": 1e6})
    (found,) = train(ADAPTED, own, Store(tmp_path), folds=folds, fold="0", jobs=1)
    (ended,) = find_runs(Store(tmp_path), found.run.ref)
    assert not ended.run.with_val
    assert ended.result["cpu_seconds"] < 1e6


def test_a_recipe_that_is_named_by_its_hash_is_adapted(own, scenes, folds, tmp_path):
    """Even if it differs from the adapted one only in its start: which recipe is meant is certain."""
    first = trained(tmp_path, scenes, folds, {"epochs": 1})
    again = with_settings(replace(TINY, name="again"), {"epochs": 1, "start_from": str(first.ref)})
    (second,) = train(again, scenes, Store(tmp_path), folds=folds, fold="0", jobs=1)
    adapted = with_settings(again, {"start_from": str(second.run.ref), "adapt": True})
    (found,) = train(adapted, own, Store(tmp_path), folds=folds, fold="0", jobs=1)
    assert found.ended.result["started_from"] == second.ended.weights_sha256


def test_other_records_are_another_recipe(runs, own, folds, tmp_path):
    store, _, found = runs
    write_record(tmp_path, "test", "304", seed=304)
    more = open_scenes([*own.paths, tmp_path])
    (other,) = train(ADAPTED, more, store, folds=folds, fold="0", jobs=1)
    assert not other.reused
    assert other.run.hash != found.run.hash


def test_a_start_that_was_trained_again_is_adapted_again(runs, own, folds):
    store, start, _ = runs
    trained(store.root, own, folds, {"epochs": 1, "lr": 0.002})
    (found,) = train(ADAPTED, own, store, folds=folds, fold="0", jobs=1)  # from the newest recipe
    assert found.ended.result["started_from"] != start.read_result()["weights_sha256"]


def test_a_network_without_batchnorm_is_refused(scenes, own, folds, tmp_path):
    keys = {"encoder": "test_convnext", "decoder": "fpn", "decoder_channels": []}
    trained(tmp_path, scenes, folds, keys | {"epochs": 1})
    with pytest.raises(UsageError, match="adapted: adapt: its network has no BatchNorm; leave adapt out"):
        train(with_settings(ADAPTED, keys), own, Store(tmp_path), folds=folds, fold="0", jobs=1)


def test_what_cannot_be_adapted_is_refused(runs, scenes, own, folds):
    store, *_ = runs
    with pytest.raises(
        UserError, match="adapted: adapt: no record without a mask in .*; name their source with --data"
    ):
        train(ADAPTED, scenes, store, folds=folds, fold="0", jobs=1)
    for keys in ({"adapt": True}, {"adapt": True, "start_from": "m", "soup": 2}):
        with pytest.raises(UsageError, match="adapt = True; takes the weights of a trained member as they are"):
            with_settings(TINY, keys)
