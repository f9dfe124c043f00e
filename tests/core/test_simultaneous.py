"""Of equal scores none is called behind the highest, and one that is behind is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.dice import Counts
from core.simultaneous import behind_best, differences, selection_optimism
from core.uncertainty import dice_difference, paired_gain


def systems(rng: np.random.Generator, skills: list[float], groups: int = 60) -> list[NDArray[np.int64]]:
    """Counts per group of systems that find these shares of the truth, some scenes being harder for all of them."""
    truth = np.where(rng.random(groups) < 0.5, 0, rng.negative_binomial(2, 0.02, groups))
    hard = rng.normal(0, 0.1, groups)
    found = []
    for skill in skills:
        share = np.clip(skill + hard + rng.normal(0, 0.1, groups), 0, 1)
        tp = rng.binomial(truth, share)
        found.append(np.stack([tp, tp + rng.poisson(0.3 * truth + 2), truth], axis=1))
    return found


def test_boards_of_equal_members_seldom_claim_a_difference(rng):
    boards = [systems(rng, [0.6] * 16) for _ in range(60)]
    ids = np.arange(60)
    wrong = sum(any(one.low > 0 for one in behind_best(board, ids)) for board in boards)
    assert wrong <= 0.07 * 60
    best = [max(board, key=lambda one: Counts.of(one).dice) for board in boards]
    alone = sum(any(paired_gain(top, one, ids).z > 1.96 for one in board) for top, board in zip(best, boards))
    assert alone > 30  # what single intervals would claim


def test_a_better_member_is_told_from_the_others(rng):
    ids = np.arange(60)
    found = [behind_best(systems(rng, [0.85] + [0.6] * 7), ids) for _ in range(20)]
    assert np.mean([one.low > 0 for board in found for one in board[1:]]) > 0.8


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_intervals_are_around_the_differences_and_wider_for_more_pairs(seed, number):
    made = systems(np.random.default_rng(seed), [0.6] * number, 12)
    ids = np.arange(12)
    few = differences(made, ids, [(0, 1)])[0]
    many = differences(made, ids, [(0, other) for other in range(1, number)] + [(1, 0)])
    gain = paired_gain(made[0], made[1], ids)
    assert few.value == pytest.approx(gain.value)
    assert few.error == pytest.approx(gain.error)
    assert many[0].low <= few.low + 0.03 * few.error + 1e-9
    assert (many[-1].low, many[-1].high) == pytest.approx((-many[0].high, -many[0].low))


def test_the_highest_is_behind_itself_by_nothing_and_copies_are_not_behind_it(rng):
    one, other = systems(rng, [0.7, 0.3])
    best, copy, last = behind_best([one, one, other], np.arange(60))
    assert (best.value, best.low, best.high) == (copy.value, copy.low, copy.high) == (0, 0, 0)
    assert last.low > 0


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_interval_behind_the_highest_contains_that_of_the_pair_alone(seed, number):
    made = systems(np.random.default_rng(seed), [0.6] * number, 12)
    ids = np.arange(12)
    best = max(made, key=lambda one: Counts.of(one).dice)
    for other, behind in zip(made, behind_best(made, ids)):
        alone = dice_difference(best, other, ids)
        assert behind.low <= alone.low and alone.high <= behind.high


def test_one_group_has_no_interval():
    counts = np.array([[3, 5, 6], [2, 2, 4]])
    assert behind_best([counts, counts // 2], ["a", "a"])[1].interval is None


@pytest.mark.parametrize(("skills", "found"), [([0.6] * 12, 0.5), ([0.8] + [0.6] * 11, None)])
def test_the_optimism_of_the_highest_is_mostly_found_and_not_where_one_is_far_ahead(skills, found):
    """On 45 groups; the truth is that of 20,000, and what all systems gain in a sample is no optimism."""
    truth = np.array([Counts.of(one).dice for one in systems(np.random.default_rng(1), skills, 20_000)])
    too_high, estimated = [], []
    for seed in range(40):
        sample = systems(np.random.default_rng(seed), skills, 45)
        off = np.array([Counts.of(one).dice for one in sample]) - truth
        too_high.append(off[np.argmax(off + truth)] - off.mean())
        estimated.append(selection_optimism(sample, np.arange(45)))
    if found:
        assert found * np.mean(too_high) < np.mean(estimated) < np.mean(too_high)
    else:
        assert np.mean(estimated) < 0.002


def test_one_system_gains_nothing_by_being_chosen(rng):
    assert selection_optimism(systems(rng, [0.5], 20), np.arange(20)) == 0
