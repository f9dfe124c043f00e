"""Counts, Dice and its interval."""

import numpy as np
import pytest

from core.dice import Counts, count, dice_difference, dice_interval


def test_dice_is_global_and_not_a_mean_of_means():
    truth = np.zeros((2, 4, 4), bool)
    truth[0, 0, :4] = truth[1, 0, 0] = True
    predicted = np.zeros_like(truth)
    predicted[0, 0, :4] = True
    counts = count(predicted, truth)
    assert counts.tolist() == [[4, 4, 4], [0, 0, 1]]
    assert Counts.of(counts).dice == 2 * 4 / (4 + 5)


def test_nothing_found_where_nothing_is_scores_one():
    assert Counts(0, 0, 0).dice == 1.0


def test_the_interval_resamples_groups_and_not_records(rng):
    """Ten copies of each record in its group tell no more than one copy."""
    counts = np.stack([rng.integers(0, 50, 40), rng.integers(50, 90, 40), rng.integers(50, 90, 40)], axis=1)
    once = dice_interval(counts, [str(i) for i in range(40)])
    copied = dice_interval(np.repeat(counts, 10, axis=0), [str(i) for i in range(40) for _ in range(10)])
    assert copied.value == pytest.approx(once.value)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_the_interval_covers_the_truth_as_often_as_it_says(rng):
    """95 % of the intervals of samples hold the population's Dice."""
    population = np.stack([rng.poisson(30, 20_000), rng.poisson(30, 20_000) + 30, rng.poisson(60, 20_000)], axis=1)
    true = Counts.of(population).dice
    hits = 0
    for trial in range(300):
        sample = population[rng.integers(0, len(population), 60)]
        found = dice_interval(sample, [str(i) for i in range(60)], seed=trial, replicates=500)
        hits += found.low <= true <= found.high
    assert 0.91 <= hits / 300 <= 0.98


def test_a_difference_is_paired(rng):
    """A small gain on every record stands, though each Dice alone is unsure."""
    truth = rng.integers(50, 5000, 60)
    first = np.stack([truth * 6 // 10 + 5, truth, truth], axis=1)
    second = np.stack([truth * 6 // 10, truth, truth], axis=1)
    groups = [str(i) for i in range(60)]
    gain = dice_difference(first, second, groups)
    assert gain.low > 0
    assert gain.z > 3
    assert dice_difference(first, first, groups).z == 0.0


def test_the_same_seed_gives_the_same_interval(rng):
    counts = rng.integers(1, 50, (30, 3))
    groups = [str(i // 2) for i in range(30)]
    assert dice_interval(counts, groups, seed=3) == dice_interval(counts, groups, seed=3)
