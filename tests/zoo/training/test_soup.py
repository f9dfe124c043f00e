"""Soups: the mean of the weights of several seeds, as a run."""

from dataclasses import replace

import pytest
import torch

from core.errors import UsageError, UserError
from tests.zoo.training.cases import TINY, trained
from zoo import train
from zoo.members import with_settings
from zoo.runs import Store
from zoo.runtime.checkpoints import read_weights
from zoo.training import look_at
from zoo.training.soup import ingredients

HEIR = {"epochs": 1, "start_from": TINY.name, "soup": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, scenes, folds):
    """Runs of fold 0: a start, two seeds from it, their soup."""
    runs = tmp_path_factory.mktemp("soup")
    trained(runs, scenes, folds, {"epochs": 1})
    heir = with_settings(replace(TINY, name="heir"), HEIR)
    return runs, train(heir, scenes, Store(runs), folds=folds, fold="0", jobs=1)


def test_a_soup_is_the_mean_of_the_seeds_with_statistics_of_its_own(folder):
    *parts, soup = folder[1]
    assert [each.run.seed for each in parts] == [0, 1]
    assert soup.run.hash != parts[0].run.hash == parts[1].run.hash
    one, other, mean = (read_weights(each.run.best) for each in (*parts, soup))
    statistics = [key for key in mean if "running" in key and "aux" not in key]
    for key, value in mean.items():
        if key not in statistics and not key.endswith("num_batches_tracked"):
            torch.testing.assert_close(value, (one[key] + other[key]) / 2)
    assert statistics
    for key in statistics:
        assert not torch.allclose(mean[key], (one[key] + other[key]) / 2, rtol=1e-3), key
        assert (
            mean[key.replace("running_mean", "num_batches_tracked").replace("running_var", "num_batches_tracked")] > 0
        )


def test_a_soup_is_a_run_like_any_other(folder, scenes, folds):
    runs, (*parts, soup) = folder
    assert soup.dice is not None
    assert soup.predictions is not None
    assert soup.ended.result["soup"] == [
        {"seed": each.run.seed, "weights_sha256": each.ended.weights_sha256} for each in parts
    ]
    again = train(soup.run.recipe, scenes, Store(runs), folds=folds, fold="0", jobs=1)
    assert [each.reused for each in again] == [True, True, True]


def test_a_soup_whose_seeds_have_changed_or_are_gone(folder):
    *parts, soup = folder[1]
    other = parts[1].run
    result = other.read_result()
    try:
        other.write_result(result | {"weights_sha256": "0" * 64})
        assert look_at(soup.run).reused  # nothing to average anew
        with pytest.raises(UserError, match="fold 0 seed 1, whose weights it averages, is not trained to its end"):
            ingredients(soup.run)
        other.best.write_bytes(parts[0].run.best.read_bytes())
        other.write_result(result | {"weights_sha256": parts[0].ended.weights_sha256})
        assert look_at(soup.run).again == "the weights that it averages have changed"
        other.write_result(other.read_result() | {"started_from": "1" * 64})
        with pytest.raises(UserError, match="seeds 0 to 1 did not start from the same weights"):
            ingredients(soup.run)
    finally:
        other.write_result(result)


def test_weights_that_started_apart_are_not_averaged():
    with pytest.raises(UsageError, match="soup = 3; averages runs that start from the same weights"):
        with_settings(TINY, {"soup": 3})


def test_a_soup_of_stages_is_refused():
    with pytest.raises(UsageError, match="soup = 2; averages runs of one stage; leave soup or stages out"):
        with_settings(TINY, HEIR | {"stages": [{"lr": 0.01}, {"lr": 0.001}]})
