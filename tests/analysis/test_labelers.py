"""Agreement of labelers, against asking each of them."""

from itertools import combinations

import numpy as np
import pytest

from analysis.labelers import agreement, alike_weighted, judged, others_majorities, shares_marked
from core.dice import Counts
from tests.analysis import slowly


def scenes(rng, numbers=(4, 6, 2, 5)):
    """Labelers who each see most of the same pixels."""
    found = []
    for number in numbers:
        base = rng.random((8, 8)) < 0.3
        found.append(np.stack([base ^ (rng.random((8, 8)) < 0.15) for _ in range(number)]))
    return found


def test_the_ceiling_is_the_dice_of_a_labeler_drawn_for_each_record(rng):
    found = scenes(rng)
    counts = np.stack([judged(labelers, labelers[0], 1)[0, 0] for labelers in found])
    weighted = alike_weighted(counts, np.array([len(labelers) for labelers in found]))
    assert Counts.of(weighted).dice == pytest.approx(slowly.labeler_dice(found))


def test_a_labeler_is_not_in_the_majority_that_judges_them_and_a_tie_is_not_enough():
    labelers = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]], bool)[:, None]
    assert others_majorities(labelers)[:, 0].astype(int).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_the_prediction_is_judged_in_the_place_of_each_labeler(rng):
    (labelers,) = scenes(rng, (5,))
    predicted = rng.random((8, 8)) < 0.4
    truths = others_majorities(labelers)
    expected = np.array([2 * (truths & predicted).sum(), 2 * 5 * predicted.sum(), 2 * truths.sum()])
    assert judged(labelers, predicted, 0)[1, 0].tolist() == expected.tolist()
    alike = judged(np.stack([predicted] * 3), predicted, 2)
    assert (alike[0] == alike[1]).all()


def test_agreement_is_the_dice_over_all_pairs(rng):
    for labelers in scenes(rng):
        pairs = list(combinations(labelers, 2))
        both = sum((one & other).sum() for one, other in pairs)
        assert agreement(labelers) == pytest.approx(2 * both / sum(one.sum() + other.sum() for one, other in pairs))
    assert agreement(np.zeros((3, 4, 4), bool)) is None


def test_each_pixel_is_counted_by_the_share_who_marked_it():
    labelers = np.array([[0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], bool)[:, None]
    predicted = np.array([[1, 0, 0, 1, 1]], bool)
    assert shares_marked(labelers, predicted).tolist() == [[1, 1], [2, 0], [1, 1], [1, 1]]
