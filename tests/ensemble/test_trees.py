"""Frozen trees answer as those that grew them, and are refused where they do not hang together."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ensemble.trees import SCALE, Trees, even_cuts, from_structures
from ensemble.weights.boost import ROUNDS, SETTINGS


@pytest.fixture
def grown(rng):
    """A booster of members 0 and 2 of three, its frozen trees, and values (3, p)."""
    values = rng.integers(0, 256, (3, 4000)).astype(np.uint8)
    label = values[0] / 255.0 + values[2] / 510.0 + rng.normal(0, 0.3, 4000) > 1.0
    features = values[[0, 2]].T.astype(np.float64)
    booster = lightgbm.train(SETTINGS, lightgbm.Dataset(features, label.astype(float)), ROUNDS)
    trees = from_structures([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]], [0, 2])
    return booster, trees, values


def test_they_give_the_probability_of_the_booster(grown):
    booster, trees, values = grown
    expected = booster.predict(values[[0, 2]].T.astype(np.float64)) * 255
    # Rounding of 60 leaves, and the rounding to whole values.
    assert np.abs(trees.values(values, 0) - expected).max() <= 0.5 + 255 / 4 * 60 * 0.5 / SCALE


def test_pixels_that_nobody_in_sight_sees_are_nothing(grown):
    _, trees, values = grown
    found = trees.values(values, 200)
    low = values[[0, 2]].max(axis=0) < 200
    assert low.any()
    assert not found[low].any()
    assert_array_equal(found[~low], trees.values(values, 0)[~low])


def test_they_are_read_back_whole(grown):
    trees = grown[1]
    assert Trees.of(trees.as_dict()) == trees


def test_the_cuts_round_to_the_nearest_value():
    cuts = np.array(even_cuts()) / SCALE
    assert_array_equal(np.diff(cuts) > 0, True)
    probability = 1 / (1 + np.exp(-cuts))
    assert probability * 255 == pytest.approx(np.arange(255) + 0.5, abs=0.02)


@pytest.mark.parametrize(
    "harm",
    [
        lambda trees: replace(trees, roots=(10**6,)),
        lambda trees: replace(trees, left=(0,) * len(trees.left)),
        lambda trees: replace(trees, at=trees.at[:-1]),
        lambda trees: replace(trees, members=(0,)),
        lambda trees: replace(trees, cuts=trees.cuts[::-1]),
    ],
)
def test_trees_that_do_not_hang_together_are_refused(grown, harm):
    with pytest.raises(ValueError, match="do not hang together"):
        harm(grown[1])


def test_a_number_that_is_not_whole_is_refused(grown):
    document = grown[1].as_dict()
    document["value"][0] = 0.5
    with pytest.raises(TypeError, match="whole"):
        Trees.of(document)
