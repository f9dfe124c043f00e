"""Intervals are those of a plain jackknife, keep their invariants, and cover what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from core.dice import Counts
from core.uncertainty import (
    Estimate,
    dice_difference,
    dice_interval,
    interval_of_size,
    jackknife_dice,
    jackknife_interval,
    paired_gain,
    standard_error,
)

SYSTEM = st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(0, 40))  # true positives, false, missed


def some_counts(rng: np.random.Generator, records: int, hit: float = 0.7) -> NDArray[np.int64]:
    """Counts (n, 3) of records that are empty in half of all cases."""
    truth = np.where(rng.random(records) < 0.5, 0, rng.negative_binomial(1, 0.01, records))
    tp = rng.binomial(truth, hit)
    return np.stack([tp, tp + rng.poisson(0.3 * truth) + rng.poisson(3, records), truth], axis=1)


def as_counts(drawn: list[tuple[int, int, int]]) -> NDArray[np.int64]:
    tp, false, missed = np.array(drawn, dtype=np.int64).T
    return np.stack([tp, tp + false, tp + missed], axis=1)


@st.composite
def two_systems(draw):
    """Counts of two systems on the same records, and the group of each record."""
    records = draw(st.integers(1, 12))
    first, second = (draw(st.lists(SYSTEM, min_size=records, max_size=records)) for _ in range(2))
    groups = draw(st.lists(st.integers(0, 5), min_size=records, max_size=records))
    first, second = as_counts(first), as_counts(second)
    second[:, 2] = first[:, 2]  # the same labels
    second[:, 0] = np.minimum(second[:, 0], second[:, 2])
    return first, np.maximum(second, second[:, :1]), np.array(groups)


def left_out_one_by_one(systems: list[NDArray[np.int64]], groups: NDArray[np.int64]) -> Estimate:
    """Jackknife-t of the textbooks: leave each group out by name, count again; on the scale of log-odds or atanh."""
    names = list(dict.fromkeys(groups.tolist()))

    def value_of(rows: NDArray[np.bool_]) -> float:
        dice = [Counts.of(counts[rows]).dice for counts in systems]
        return dice[0] - dice[1] if len(dice) > 1 else dice[0]

    value = value_of(groups == groups)
    without = [value_of(groups != name) for name in names]
    pixels = [sum(int(counts[groups == name, 1:].sum()) for counts in systems) for name in names]
    effective = sum(pixels) ** 2 / sum(each**2 for each in pixels)
    away = [each - sum(without) / len(names) for each in without]
    error = math.sqrt((len(names) - 1) / len(names) * sum(each**2 for each in away))
    carriers = sum(each**2 for each in away) ** 2 / sum(each**4 for each in away)
    reach = stats.t.ppf(0.975, min(len(names) - 1, carriers + 1)) * error
    if len(systems) > 1:
        low, high = (math.tanh(math.atanh(value) + side * reach / (1 - value**2)) for side in (-1, 1))
    else:
        odds = [math.log(value / (1 - value)) + side * reach / (value * (1 - value)) for side in (-1, 1)]
        low, high = (1 / (1 + math.exp(-each)) for each in odds)
    return Estimate(value, error, (low, high), len(names), effective)


def test_it_agrees_with_leaving_groups_out_one_by_one(rng):
    counts, other, groups = some_counts(rng, 60), some_counts(rng, 60, 0.6), np.arange(60) // 2
    for ours, plain in (
        (dice_interval(counts, groups), left_out_one_by_one([counts], groups)),
        (dice_difference(counts, other, groups), left_out_one_by_one([counts, other], groups)),
    ):
        assert ours.interval == pytest.approx(plain.interval)
        assert (ours.value, ours.error, ours.groups) == pytest.approx((plain.value, plain.error, plain.groups))
        assert ours.effective_groups == pytest.approx(plain.effective_groups)


@settings(max_examples=60, deadline=None)
@given(two_systems(), st.randoms())
def test_an_interval_keeps_its_invariants(drawn, random):
    first, second, groups = drawn
    order = list(range(len(groups)))
    random.shuffle(order)
    renamed = np.array(["zyxwvu"[group] for group in groups])
    cases = (
        (dice_interval(first, groups), dice_interval(first[order], renamed[order]), 0),
        (dice_difference(first, second, groups), dice_difference(first[order], second[order], renamed[order]), -1),
    )
    for found, again, lowest in cases:
        assert (found.interval is None) == (again.interval is None)
        assert found.effective_groups == pytest.approx(again.effective_groups)
        assert found.effective_groups <= found.groups * (1 + 1e-9)
        if found.interval and again.interval:
            assert lowest <= found.low <= found.value <= found.high <= 1
            assert found.interval == pytest.approx(again.interval, abs=1e-9)
    same = dice_difference(first, first, groups)
    assert same.value == 0 and same.interval in (None, (0.0, 0.0))
    assert 0 <= jackknife_dice(first, groups) <= 1


def test_one_group_has_no_interval():
    counts = np.array([[9, 10, 10], [1, 4, 6]])
    for groups in (["a", "a"], [0, 0]):
        for found in (dice_interval(counts, groups), dice_difference(counts, counts[::-1], groups)):
            assert (found.interval, found.groups, found.z) == (None, 1, 0.0)
            assert found.caution == "only one scene group: there are no intervals"
            assert math.isnan(found.low) and math.isnan(found.high)
    assert jackknife_dice(counts, [0, 0]) == Counts.of(counts).dice


def test_groups_without_pixels_are_no_groups_to_judge_by(rng):
    lonely = np.zeros((5, 3), np.int64)
    lonely[2] = 6, 10, 10
    assert (dice_interval(lonely, np.arange(5)).interval, dice_interval(lonely, np.arange(5)).effective_groups) == (
        None,
        1.0,
    )
    counts = some_counts(rng, 100)
    alone = dice_interval(counts, np.arange(100))
    among = dice_interval(np.concatenate([counts, np.zeros((900, 3), np.int64)]), np.arange(1000))
    assert (among.value, among.effective_groups) == (alone.value, alone.effective_groups)
    assert among.interval == pytest.approx(alone.interval, rel=0.01)


def test_effective_groups_are_the_groups_of_equal_size():
    counts = np.array([[5, 10, 10]] * 30)
    assert dice_interval(counts, np.arange(30)).effective_groups == pytest.approx(30)
    assert dice_interval(counts, np.arange(30)).caution is None
    assert dice_interval(counts * np.array([[1000]] + [[1]] * 29), np.arange(30)).effective_groups < 1.1


def test_a_gain_that_every_group_agrees_on_is_certain_and_none_is_none():
    first, second = np.array([[9, 10, 10]] * 20), np.array([[6, 10, 10]] * 20)
    assert paired_gain(first, second, np.arange(20)).z == 999
    assert dice_difference(second, first, np.arange(20)).z == -999
    assert paired_gain(first, first, np.arange(20)).z == 0


def test_groups_may_be_names_or_numbers(rng):
    counts, groups = some_counts(rng, 60), np.arange(60) // 3
    assert dice_interval(counts, groups) == dice_interval(counts, [f"{group:02d}" for group in groups])


def test_copies_of_a_record_in_its_group_tell_nothing_new(rng):
    counts = np.stack([rng.integers(0, 50, 40), rng.integers(50, 90, 40), rng.integers(50, 90, 40)], axis=1)
    once = dice_interval(counts, [str(i) for i in range(40)])
    copied = dice_interval(np.repeat(counts, 10, axis=0), [str(i) for i in range(40) for _ in range(10)])
    assert copied.value == pytest.approx(once.value)
    assert copied.interval == pytest.approx(once.interval)


def test_a_difference_is_paired(rng):
    """A small gain on every record stands, though each Dice alone is unsure."""
    truth = rng.integers(50, 5000, 60)
    first = np.stack([truth * 6 // 10 + 5, truth, truth], axis=1)
    second = np.stack([truth * 6 // 10, truth, truth], axis=1)
    gain = dice_difference(first, second, [str(i) for i in range(60)])
    assert gain.low > 0
    assert gain.z > 3


def test_the_delta_method_agrees_with_the_jackknife(rng):
    first, second, groups = some_counts(rng, 300), some_counts(rng, 300, 0.6), np.arange(300) // 3
    assert standard_error(first, groups) == pytest.approx(dice_interval(first, groups).error, rel=0.05)
    gain, left_out = paired_gain(first, second, groups), dice_difference(first, second, groups)
    assert gain.value == left_out.value
    assert gain.error == pytest.approx(left_out.error, rel=0.05)


def test_the_jackknifed_dice_of_small_samples_is_nearer_the_truth():
    """Where large contrails are found best, small samples are pessimistic: the jackknife takes most of that away."""
    rng = np.random.default_rng(3)
    truth = np.ceil(rng.lognormal(4, 1.2, 400_000)).astype(np.int64)
    tp = (truth * np.clip(0.2 + 0.1 * np.log(truth / 50), 0.05, 0.95)).astype(np.int64)
    population = np.stack([tp, truth, truth], axis=1)
    samples = [population[rng.integers(0, len(population), 12)] for _ in range(1500)]
    known = Counts.of(population).dice
    plain = np.mean([Counts.of(sample).dice for sample in samples]) - known
    jackknifed = np.mean([jackknife_dice(sample, np.arange(12)) for sample in samples]) - known
    assert plain < -0.015
    assert abs(jackknifed) < abs(plain) / 2


def test_nothing_to_find_and_nothing_found_is_a_perfect_score_without_an_interval():
    found = dice_interval(np.zeros((5, 3), np.int64), np.arange(5))
    assert (found.value, found.interval, found.effective_groups) == (1.0, None, 0.0)
    assert standard_error(np.zeros((5, 3), np.int64), np.arange(5)) == 0.0


def test_the_interval_of_any_statistic_is_the_textbooks_for_a_mean(rng):
    """A jackknifed mean has the standard error of a mean, and widens by t where few groups carry it."""
    values = rng.normal(3, 2, 40)
    without = (values.sum() - values) / 39
    found = jackknife_interval(values.mean(), without, np.ones(40))
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(40))
    assert found.low < found.value < found.high and found.effective_groups == pytest.approx(40)
    assert 2 * 1.96 * found.error < found.high - found.low < 2 * 2.2 * found.error
    assert jackknife_interval(1.0, without[:1], np.ones(1)).interval is None
    assert jackknife_interval(1.0, np.ones(5), np.ones(5)).bounds == [1.0, 1.0]


def test_the_interval_of_another_size_is_the_spread_of_drawn_boards(rng):
    counts, size = some_counts(rng, 400), 100
    whole = dice_interval(counts, np.arange(400))
    low, high = interval_of_size(whole.value, whole.value, whole.interval, 400, size)
    drawn = [Counts.of(counts[rng.integers(0, 400, size)]).dice for _ in range(2000)]
    assert (high - low) / 4 == pytest.approx(np.std(drawn), rel=0.1)
    inside = np.mean([low <= dice <= high for dice in drawn])
    assert 0.92 <= inside <= 0.98


@given(st.floats(0, 1), st.floats(0.2, 0.8), st.integers(1, 5000), st.integers(1, 5000))
def test_the_interval_of_another_size_holds_its_value_and_narrows(value, known, records, size):
    interval = (known - 0.05, known + 0.1)
    low, high = interval_of_size(value, known, interval, records, size)
    assert -1e-8 <= low <= value + 1e-8 and value - 1e-8 <= high <= 1 + 1e-8
    more = interval_of_size(value, known, interval, records, 4 * size)
    assert more[1] - more[0] <= high - low + 1e-9
    assert interval_of_size(known, known, interval, records, records) == pytest.approx(interval)
