"""Intervals cover what they promise, and drawing, the delta method and the plain bootstrap agree."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.bootstrap import dice_difference, dice_interval, paired_gain, standard_error
from core.dice import Counts


def some_counts(rng: np.random.Generator, records: int, hit: float = 0.7) -> NDArray[np.int64]:
    """Counts (n, 3) of records that are empty in half of all cases."""
    truth = np.where(rng.random(records) < 0.5, 0, rng.negative_binomial(1, 0.01, records))
    tp = rng.binomial(truth, hit)
    return np.stack([tp, tp + rng.poisson(0.3 * truth) + rng.poisson(3, records), truth], axis=1)


def drawn_one_by_one(systems: list[NDArray[np.int64]], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Dice (systems, 4000) of replicates whose groups are drawn by name: the bootstrap of the textbooks."""
    rng = np.random.default_rng(5)
    members = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    scores = np.empty((len(systems), 4000))
    for replicate in range(scores.shape[1]):
        rows = np.concatenate([members[name] for name in rng.integers(0, len(members), len(members))])
        scores[:, replicate] = [Counts.of(counts[rows]).dice for counts in systems]
    return scores


def test_it_agrees_with_the_plain_bootstrap(rng):
    counts, other, groups = some_counts(rng, 200), some_counts(rng, 200, 0.6), np.arange(200) // 2
    first, second = drawn_one_by_one([counts, other], groups)
    for ours, plain in (
        (dice_interval(counts, groups), first),
        (dice_difference(counts, other, groups), first - second),
    ):
        assert ours.error == pytest.approx(plain.std(), rel=0.05)
        assert (ours.low, ours.high) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.004)


def test_a_gain_that_every_group_agrees_on_is_certain_and_none_is_none():
    first, second = np.array([[9, 10, 10]] * 20), np.array([[6, 10, 10]] * 20)
    assert paired_gain(first, second, np.arange(20)).z == 999
    assert dice_difference(second, first, np.arange(20)).z == -999
    assert paired_gain(first, first, np.arange(20)).z == 0


def test_groups_may_be_names_or_numbers(rng):
    counts, groups = some_counts(rng, 60), np.arange(60) // 3
    assert dice_interval(counts, groups) == dice_interval(counts, [f"{group:02d}" for group in groups])


def test_the_interval_resamples_groups_and_not_records(rng):
    """Ten copies of each record in its group tell no more than one copy."""
    counts = np.stack([rng.integers(0, 50, 40), rng.integers(50, 90, 40), rng.integers(50, 90, 40)], axis=1)
    once = dice_interval(counts, [str(i) for i in range(40)])
    copied = dice_interval(np.repeat(counts, 10, axis=0), [str(i) for i in range(40) for _ in range(10)])
    assert copied.value == pytest.approx(once.value)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


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


def test_the_delta_method_agrees_with_drawing(rng):
    first, second, groups = some_counts(rng, 300), some_counts(rng, 300, 0.6), np.arange(300) // 3
    assert standard_error(first, groups) == pytest.approx(dice_interval(first, groups).error, rel=0.05)
    gain, drawn = paired_gain(first, second, groups), dice_difference(first, second, groups)
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
        estimate = dice_interval(sample, groups, seed=trial, replicates=500)
        held += estimate.low <= truth <= estimate.high
    assert 0.93 <= held / 1500 <= 0.97


def test_it_repeats_itself_and_listens_to_its_seed(rng):
    counts, groups = some_counts(rng, 50), np.arange(50)
    assert dice_interval(counts, groups, 3) == dice_interval(counts, groups, 3)
    assert dice_interval(counts, groups, 3) != dice_interval(counts, groups, 4)


def test_records_that_count_nothing_only_add_draws(rng):
    counts = some_counts(rng, 100)
    with_empty = np.concatenate([counts, np.zeros((900, 3), np.int64)])
    alone, among = dice_interval(counts, np.arange(100)), dice_interval(with_empty, np.arange(1000))
    assert among.value == alone.value
    assert among.error == pytest.approx(alone.error, rel=0.15)


def test_nothing_to_find_and_nothing_found_is_a_perfect_score():
    empty = np.zeros((5, 3), np.int64)
    assert (dice_interval(empty, np.arange(5)).low, standard_error(empty, np.arange(5))) == (1.0, 0.0)
