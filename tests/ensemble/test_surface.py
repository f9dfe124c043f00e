"""The surface is what labelling every threshold would count, for every threshold and every k."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from core.errors import UnknownName
from ensemble.blend import BINS, COARSE, identity_table, logit_table, whole_weights
from ensemble.min_pixels import MIN_PIXELS
from ensemble.surface import Cut, best_cut, bins_of, curves, dice_of, record_counts
from tests.ensemble.cases import Case, cut_counts, dense_bins, noise_case, streak_case, surface, surface_by_labelling

TABLES = {"identity": identity_table(), "logit": logit_table()}


@pytest.mark.parametrize("mode", MIN_PIXELS.names())
def test_the_surface_agrees_with_labelling_at_every_threshold_and_k(rng, mode):
    case = noise_case(rng, records=3, size=10)
    weights, by = whole_weights([0.7, 0.3]), identity_table()
    fast = surface(case.active(), weights, by, mode, most=101)
    floor = by.floor_bin(1)
    slow = surface_by_labelling(dense_bins(case, weights, by), case.masks, mode, 101, floor)
    assert_array_equal(fast.sum(axis=0)[floor:], slow[floor:])


@pytest.mark.parametrize("name", TABLES)
def test_the_surface_agrees_on_streaks_of_members_that_bend(rng, name):
    case, by = streak_case(rng, records=3, size=24), TABLES[name]
    weights = whole_weights([1, 1, 1])
    fast = surface(case.active(eps=40), weights, by, "component", most=60)
    floor = by.floor_bin(40)
    slow = surface_by_labelling(dense_bins(case, weights, by), case.masks, "component", 60, floor)
    assert_array_equal(fast.sum(axis=0)[floor:], slow[floor:])


@given(
    hnp.arrays(np.uint8, (1, 2, 5, 6), elements=st.sampled_from([0, 60, 128, 200, 255])),
    hnp.arrays(bool, (2, 5, 6)),
)
def test_the_surface_agrees_on_any_small_map(maps, masks):
    case, by = Case(maps, masks, np.array([0, 1])), identity_table()
    fast = surface(case.active(), (1 << 16,), by, "component", most=31)
    bins = dense_bins(case, (1 << 16,), by)
    for threshold in (1, 240, 241, 512, 513, 800, 1020):
        for k in (0, 1, 2, 5, 30, 31):
            expected = cut_counts(case, bins, Cut(threshold, "component", k))[:, :2]
            assert_array_equal(fast[:, threshold, k], expected)


def test_a_bridge_joins_two_components_at_its_own_level():
    image = np.zeros((1, 1, 3, 7), np.uint8)
    image[0, 0, 1] = [200, 200, 200, 100, 150, 150, 0]
    case = Case(image, np.zeros((1, 3, 7), bool), np.array([0]))
    fast = surface(case.active(), (1 << 16,), identity_table(), "component", most=6)[0, :, :, 1]
    assert fast[4 * 100].tolist() == [6, 6, 6, 6, 6, 6, 6]
    assert fast[4 * 150].tolist() == [5, 5, 5, 3, 0, 0, 0]
    assert fast[4 * 200].tolist() == [3, 3, 3, 3, 0, 0, 0]
    assert fast[4 * 200 + 1].tolist() == [0] * 7


def test_coarse_weights_take_the_short_way_to_the_same_bits(rng):
    case, by = streak_case(rng), identity_table()
    for shares in ([1, 1, 1], [5, 0, 2], [0, 0, 1]):
        weights = whole_weights(shares, COARSE)
        assert all(weight % COARSE == 0 for weight in weights)
        active, dense = case.active(eps=0), dense_bins(case, weights, by)
        assert_array_equal(bins_of(active, weights, by, 0, 24), dense.ravel())


@pytest.mark.parametrize("name", TABLES)
def test_curves_are_the_surface_without_min_pixels(rng, name):
    active, by = streak_case(rng).active(eps=13), TABLES[name]
    weights, floor = whole_weights([5, 2, 0]), TABLES[name].floor_bin(13)
    flat = surface(active, weights, by, "component", most=3)[:, floor:, 0]
    assert_array_equal(curves(active, weights, by)[:, floor:], flat)


@pytest.mark.parametrize("mode", ["none", *MIN_PIXELS.names()])
def test_counts_per_record_add_up_to_the_surface_and_agree_with_labelling(rng, mode):
    case, by, weights = streak_case(rng), identity_table(), whole_weights([1, 2, 3])
    active, cut = case.active(eps=13), Cut(350, mode, 9)
    counts = record_counts(active, weights, by, cut)
    assert_array_equal(counts, cut_counts(case, dense_bins(case, weights, by), cut))
    if mode == "none":
        whole = curves(active, weights, by)[:, 350]
    else:
        whole = surface(active, weights, by, mode, most=20)[:, 350, 9]
    for fold in range(len(active.folds)):
        assert_array_equal(record_counts(active, weights, by, cut, fold)[:, :2].sum(axis=0), whole[fold])


def test_the_lowest_candidate_sees_every_pixel_that_it_counts(rng):
    case, by = streak_case(rng), identity_table()
    everything, some = case.active(eps=0), case.active(eps=26)
    assert len(some.pixel) < len(everything.pixel)
    for weights in (whole_weights([1, 1, 1]), whole_weights([0.9, 0.1, 0]), whole_weights([0, 0, 1])):
        floor = by.floor_bin(26)
        dense, active = curves(everything, weights, by), curves(some, weights, by)
        assert_array_equal(dense[:, floor:], active[:, floor:])
        assert_array_equal(
            surface(everything, weights, by, "component", 30)[:, floor:],
            surface(some, weights, by, "component", 30)[:, floor:],
        )


def test_threads_and_pieces_leave_the_bits_alone(rng, monkeypatch):
    monkeypatch.setattr("ensemble.surface.TASK_PIXELS", 50)
    active, by, weights = streak_case(rng).active(), identity_table(), whole_weights([1, 1, 1])
    for mode in MIN_PIXELS.names():
        alone = surface(active, weights, by, mode, 40)
        assert_array_equal(alone, surface(active, weights, by, mode, 40, jobs=3))
    assert_array_equal(curves(active, weights, by), curves(active, weights, by, jobs=3))


def test_the_best_cut_is_the_middle_of_the_first_plateau_at_the_smallest_k():
    counts = np.zeros((BINS, 3, 2), np.int64)
    counts[500:503, 1] = counts[600:700, 1] = counts[400, 2] = [5, 5]
    cut, dice = best_cut(counts, 10, 1, "image")
    assert (cut, cut.lowest, dice) == (Cut(501, "image", 1), 500, 2 * 5 / 15)


def test_nothing_predicted_where_nothing_is_true_selects_no_threshold():
    counts = np.zeros((BINS, 2), np.int64)
    counts[:500, 1] = 3
    cut, dice = best_cut(counts, 0, 7, "none")
    assert (cut.lowest, cut.bin, dice) == (7, (7 + BINS - 1) // 2, 0.0)


@given(
    hnp.arrays(np.int64, (12, 3, 2), elements=st.integers(0, 3)),
    st.integers(0, 4),
    st.integers(0, 11),
)
def test_the_best_cut_is_found_by_trying_all(counts, truth, floor):
    counts[..., 1] += counts[..., 0]
    dice = {(k, bin): float(dice_of(counts[bin, k], truth)) for k in range(3) for bin in range(floor, 12)}
    best = max(dice.values())
    k, low = min(where for where, value in dice.items() if value == best)
    high = low
    while dice.get((k, high + 1)) == best:
        high += 1
    cut, value = best_cut(counts, truth, floor, "image")
    assert (cut, cut.lowest, value) == (Cut((low + high) // 2, "image", k), low, best)


def test_an_unknown_mode_is_answered_with_its_neighbour():
    with pytest.raises(UnknownName, match='did you mean "component"'):
        Cut(3, "components", 4)
