"""Blends are integer sums of fixed total, and bins are exact at candidate thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.errors import UnknownName
from ensemble.blend import (
    BINS,
    CANDIDATES,
    TABLES,
    TOTAL,
    Table,
    levels,
    mixed_weights,
    table,
    whole_weights,
)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12).filter(lambda shares: sum(shares) > 0))
def test_weights_are_whole_and_add_up(shares):
    weights = whole_weights(shares)
    assert sum(weights) == TOTAL
    assert np.abs(np.array(weights) - np.array(shares) / sum(shares) * TOTAL).max() <= 1


@pytest.mark.parametrize("shares", [[], [0, 0], [1, -1], [float("nan")], [float("inf"), 1]])
def test_weights_that_mean_nothing_are_refused(shares):
    with pytest.raises(ValueError, match="weights"):
        whole_weights(shares)


def test_ties_go_to_the_earlier_member():
    assert whole_weights([1, 1, 1]) == (21846, 21845, 21845)


def test_a_mix_stands_between_its_ends():
    first, second = whole_weights([1, 0]), whole_weights([1, 1])
    assert mixed_weights(first, second, 0) == first
    assert mixed_weights(first, second, 1) == second
    assert mixed_weights(first, second, 0.5) == (49152, 16384)


@pytest.mark.parametrize("name", TABLES.names())
def test_every_table_gives_the_same_number_of_bins(name):
    by = table(name)
    assert by.top >> by.shift == CANDIDATES == BINS - 1
    assert by.probability(0) == 0
    assert by.probability(by.top) == 1


def test_the_identity_blend_is_the_weighted_mean_of_probabilities(rng):
    maps = {name: rng.integers(0, 256, (2, 4, 5)).astype(np.uint8) for name in "ab"}
    by = table("identity")
    blended = levels(maps, {"a": TOTAL // 4, "b": 3 * TOTAL // 4}, by)
    mean = (maps["a"] / 255 + 3 * (maps["b"] / 255)) / 4
    np.testing.assert_allclose(blended / by.top, mean, atol=1e-12)


def test_the_logit_blend_orders_like_the_mean_logit(rng):
    by = table("logit")
    maps = {name: rng.integers(1, 255, (1, 20, 20)).astype(np.uint8) for name in "ab"}
    blended = levels(maps, {"a": TOTAL // 2, "b": TOTAL // 2}, by).ravel()
    p = np.stack([maps[name].ravel() / 255 for name in "ab"])
    mean = np.log(p / (1 - p)).mean(axis=0)
    scale = by.top / (2 * np.log((255 - 0.25) / 0.25))
    np.testing.assert_allclose((blended - by.top / 2) / scale, mean, atol=0.003)


def test_no_blend_of_values_under_eps_reaches_the_floor():
    for name in TABLES.names():
        by = table(name)
        for eps in (1, 13, 26, 128):
            highest = int(by.entries[eps - 1]) * TOTAL >> by.shift
            assert highest < by.floor_bin(eps)
        assert by.floor_bin(0) == 0


def test_a_member_without_weight_need_not_be_there(rng):
    maps = {"a": rng.integers(0, 256, (1, 3, 3)).astype(np.uint8)}
    assert_array_equal(levels(maps, {"a": TOTAL, "gone": 0}, table("identity")), maps["a"].astype(int) * TOTAL)


def test_tables_that_fall_or_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        Table("odd", np.arange(256)[::-1])
    with pytest.raises(UnknownName):
        table("logits")
