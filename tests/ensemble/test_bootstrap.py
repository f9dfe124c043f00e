"""Intervals cover what they promise, and drawing, the delta method and the plain bootstrap agree."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.dice import dice_difference, dice_interval
from ensemble.bootstrap import interval, paired_gain, paired_interval, standard_error


def some_counts(rng: np.random.Generator, records: int, hit: float = 0.7) -> NDArray[np.int64]:
    """Counts (n, 3) of records that are empty in half of all cases."""
    truth = np.where(rng.random(records) < 0.5, 0, rng.negative_binomial(1, 0.01, records))
    tp = rng.binomial(truth, hit)
    return np.stack([tp, tp + rng.poisson(0.3 * truth) + rng.poisson(3, records), truth], axis=1)


def test_it_agrees_with_the_plain_bootstrap(rng):
    counts, groups = some_counts(rng, 200), np.arange(200) // 2
    names = [str(group) for group in groups]
    ours, plain = interval(counts, groups), dice_interval(counts, names)
    assert ours.value == plain.value
    for name in ("error", "low", "high"):
        assert getattr(ours, name) == pytest.approx(getattr(plain, name), abs=0.002)
    other = some_counts(rng, 200, 0.6)
    ours, plain = paired_interval(counts, other, groups), dice_difference(counts, other, names)
    assert ours.value == plain.value
    assert ours.error == pytest.approx(plain.error, rel=0.03)


def test_the_delta_method_agrees_with_drawing(rng):
    first, second, groups = some_counts(rng, 300), some_counts(rng, 300, 0.6), np.arange(300) // 3
    assert standard_error(first, groups) == pytest.approx(interval(first, groups).error, rel=0.05)
    gain, drawn = paired_gain(first, second, groups), paired_interval(first, second, groups)
    assert gain.value == drawn.value
    assert gain.error == pytest.approx(drawn.error, rel=0.05)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """95 % intervals of 1,500 samples from a population whose Dice is known: 93 to 97 % hold it."""
    rng = np.random.default_rng(2)
    population = some_counts(rng, 400_000)
    tp, predicted, positives = population.sum(axis=0)
    truth, groups = 2 * tp / (predicted + positives), np.arange(300)
    held = 0
    for trial in range(1500):
        sample = population[rng.integers(0, len(population), 300)]
        estimate = interval(sample, groups, seed=trial, replicates=500)
        held += estimate.low <= truth <= estimate.high
    assert 0.93 <= held / 1500 <= 0.97


def test_it_repeats_itself_and_listens_to_its_seed(rng):
    counts, groups = some_counts(rng, 50), np.arange(50)
    assert interval(counts, groups, 3) == interval(counts, groups, 3)
    assert interval(counts, groups, 3) != interval(counts, groups, 4)


def test_records_that_count_nothing_only_add_draws(rng):
    counts = some_counts(rng, 100)
    with_empty = np.concatenate([counts, np.zeros((900, 3), np.int64)])
    alone, among = interval(counts, np.arange(100)), interval(with_empty, np.arange(1000))
    assert among.value == alone.value
    assert among.error == pytest.approx(alone.error, rel=0.15)


def test_nothing_to_find_and_nothing_found_is_a_perfect_score():
    empty = np.zeros((5, 3), np.int64)
    assert (interval(empty, np.arange(5)).low, standard_error(empty, np.arange(5))) == (1.0, 0.0)
