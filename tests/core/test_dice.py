"""Counts and their Dice."""

import numpy as np

from core.dice import Counts, count, global_dice


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


def test_dice_of_arrays_is_that_of_each_count(rng):
    predicted, truth = rng.integers(0, 4, (2, 200))
    tp = np.minimum(predicted, truth)
    one_by_one = [Counts(*map(int, each)).dice for each in zip(tp, predicted, truth)]
    assert global_dice(tp, predicted + truth).tolist() == one_by_one
    assert 0 in predicted + truth
