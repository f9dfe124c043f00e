"""Elimination reduces members to nested sets, and drops the harmful ones first."""

import numpy as np
import pytest

from ensemble.counts import BlendCounts, TrainingSet
from ensemble.elimination import eliminated, kept_sizes
from tests.ensemble.cases import Case, streak_case


def training(case: Case) -> TrainingSet:
    counts = BlendCounts(case.active(eps=13))
    return TrainingSet(counts, counts.folds)


@pytest.mark.parametrize(
    ("size", "sizes"), [(1, []), (2, []), (3, [2]), (4, [3, 2]), (16, [15, 12, 8, 4, 2]), (40, [39, 30, 20, 10, 2])]
)
def test_the_sizes_fall_from_all_but_one_to_two(size, sizes):
    assert kept_sizes(size) == sizes


def test_the_sets_are_nested_and_have_their_size(rng):
    sets = eliminated(training(streak_case(rng, members=7)))
    assert {size: len(members) for size, members in sets.items()} == {size: size for size in kept_sizes(7)}
    larger = set(range(7))
    for members in sets.values():
        assert set(members) < larger
        larger = set(members)


def test_the_harmful_member_leaves_first(rng):
    case = streak_case(rng, noise=(1.0, 1.0, 1.0), records=40)
    noise = rng.permutation(case.maps[0].ravel()).reshape(case.maps[0].shape)
    sets = eliminated(training(Case(np.stack([case.maps[0], noise, *case.maps[1:]]), case.masks, case.folds)))
    assert sets[3] == (0, 2, 3)
