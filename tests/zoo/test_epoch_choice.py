"""The epoch of a fold: candidates by the schedule, ranked by the curves of the other folds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.epoch_choice import CANDIDATES, candidate_epochs, has_vote, is_scored, ranked_epochs

LENGTH = 6
CANDIDATES_OF = candidate_epochs(LENGTH)
EMPTY = [None] * LENGTH
scored = st.lists(st.floats(0, 1), min_size=LENGTH, max_size=LENGTH)
curves = st.lists(st.one_of(scored, st.just(EMPTY)), min_size=2, max_size=5).map(
    lambda found: {str(fold): curve for fold, curve in enumerate(found)}
)


@given(st.integers(1, 500), st.integers(1, 9))
def test_candidates_lie_evenly_in_the_second_half_and_end_with_the_last_epoch(planned, every):
    found = candidate_epochs(planned, every)
    scored = [epoch for epoch in range(planned, planned // 2, -1) if is_scored(epoch, planned, every)]
    assert len(found) == (min(len(scored), CANDIDATES) if planned > 1 else 0)
    assert set(found) <= set(scored)
    assert list(found) == sorted(set(found))
    if found:
        assert planned // 2 < found[0]
        assert found[-1] == planned
        steps = [after - before for before, after in pairwise(found)]
        assert not steps or max(steps) - min(steps) <= every


@given(curves, scored, st.data())
def test_a_folds_own_curve_never_matters(curves, other, data):
    fold = data.draw(st.sampled_from(sorted(curves)))
    changed = {**curves, fold: data.draw(st.sampled_from([other, EMPTY]))}
    assert ranked_epochs(curves, fold, CANDIDATES_OF) == ranked_epochs(changed, fold, CANDIDATES_OF)
    assert has_vote(curves, fold) == has_vote(changed, fold)


@given(curves, st.data())
def test_the_first_is_the_last_of_those_with_the_highest_mean_of_the_others(curves, data):
    fold = data.draw(st.sampled_from(sorted(curves)))
    ranked = ranked_epochs(curves, fold, CANDIDATES_OF)
    assert sorted(ranked) == list(CANDIDATES_OF)
    others = [curve for name, curve in curves.items() if name != fold and curve[0] is not None]
    means = [sum(curve[epoch - 1] for curve in others) for epoch in ranked]
    assert all(mean <= means[0] + 1e-12 for mean in means)
    if not others:
        assert ranked == sorted(CANDIDATES_OF, reverse=True)


@given(curves)
def test_the_order_of_the_folds_does_not_matter(curves):
    backwards = dict(reversed(curves.items()))
    for fold in curves:
        assert ranked_epochs(curves, fold, CANDIDATES_OF) == ranked_epochs(backwards, fold, CANDIDATES_OF)


@pytest.mark.parametrize(
    ("others", "ranked"),
    [
        ([[0.0, 0.2, 0.3, 0.1]], [3, 2, 4]),
        ([[0.9, 0.2, 0.3, 0.1], [0.0, 0.3, 0.0, 0.3]], [2, 4, 3]),
        ([[0.0, 0.3, 0.3, 0.3]], [4, 3, 2]),
        ([[0.0, 0.0, 0.0, 0.0]], [4, 3, 2]),
        ([[None] * 4, [0.0, 0.3, 0.2, 0.1]], [2, 3, 4]),
        ([[None] * 4], [4, 3, 2]),
        ([[0.1, 0.4, 0.3]], [2, 3]),  # it lost its patience
        ([[0.1]], []),
    ],
)
def test_candidates_are_ranked(others, ranked):
    curves = {"0": [0.5, 0.0, 0.0, 0.0]} | {str(fold): curve for fold, curve in enumerate(others, start=1)}
    assert ranked_epochs(curves, "0", [2, 3, 4]) == ranked
