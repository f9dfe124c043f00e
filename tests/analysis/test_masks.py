"""Kinds of wrong pixels, matches and forgiven borders, against looking at every pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.masks import KINDS, RIGHT, Compared, Components, near, tolerant_counts
from tests.analysis import slowly

masks = arrays(bool, (9, 11), elements=st.booleans())
sparse = st.tuples(masks, masks).map(lambda pair: pair[0] & pair[1])
pairs = st.tuples(st.one_of(masks, sparse), st.one_of(masks, sparse, st.just(np.zeros((9, 11), bool))))


@given(pairs)
def test_each_wrong_pixel_is_of_the_kind_that_looking_at_it_gives(pair):
    kinds = Compared(*pair).kinds()
    found = np.bincount(kinds.ravel(), minlength=RIGHT + 1)
    assert dict(zip(KINDS, found.tolist())) == slowly.wrong_by_kind(*pair)
    assert ((kinds != RIGHT) == (pair[0] ^ pair[1])).all()


@given(pairs)
def test_components_and_matches_are_those_found_by_growing(pair):
    compared = Compared(*pair)
    for mask, found in zip(pair, (compared.found, compared.contrails)):
        assert sorted(found.sizes.tolist()) == sorted(map(len, slowly.components(mask)))
    assert compared.matched() == slowly.matched(*pair)
    assert compared.matched() <= min(len(compared.found.sizes), len(compared.contrails.sizes))


@given(pairs, st.integers(0, 3))
def test_a_forgiven_border_is_that_of_every_pixel(pair, border):
    right, predicted, truth = tolerant_counts(*pair, border).tolist()
    dice = 2 * right / (predicted + truth) if predicted + truth else 1.0
    assert dice == pytest.approx(slowly.tolerant_dice(*pair, border))
    assert right >= tolerant_counts(*pair, 0)[0] == 2 * (pair[0] & pair[1]).sum()


def test_diagonal_neighbours_are_one_component_and_one_pixel_away():
    mask = np.eye(4, dtype=bool)
    assert Components.of(mask).sizes.tolist() == [4]
    assert near(np.eye(3, dtype=bool) & (np.arange(3) == 1), 1).all()


def test_a_line_beside_the_truth_is_on_its_border_only_if_it_shares_a_pixel():
    truth, predicted = np.zeros((2, 6, 12), bool)
    truth[2, :8] = predicted[3, :8] = True
    counts = dict(zip(KINDS, np.bincount(Compared(predicted, truth).kinds().ravel()).tolist()))
    assert (counts["false_contrail"], counts["missed_contrail"]) == (8, 8)
    predicted[2, 7] = True
    counts = dict(zip(KINDS, np.bincount(Compared(predicted, truth).kinds().ravel()).tolist()))
    assert (counts["false_border"], counts["missed_border"]) == (8, 7)
