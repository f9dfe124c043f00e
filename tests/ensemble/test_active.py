"""Active pixels hold all that a candidate threshold can see."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UserError
from ensemble.active import find_active
from tests.ensemble.cases import noise_case, streak_case


def test_the_active_pixels_rebuild_every_value_that_reaches_eps(rng):
    case = noise_case(rng)
    active = case.active(eps=60)
    rebuilt = np.zeros((2, 4, 12 * 12), np.uint8)
    for record in range(4):
        part = slice(active.pointer[record], active.pointer[record + 1])
        rebuilt[:, record, active.pixel[part]] = active.values[:, part]
        assert_array_equal(active.label[part], case.masks[record].ravel()[active.pixel[part]])
    expected = np.where((case.maps >= 60).any(axis=0), case.maps, 0).reshape(2, 4, -1)
    assert_array_equal(rebuilt, expected)
    assert_array_equal(active.truth, case.masks.sum(axis=(1, 2)))
    assert active.share == len(active.pixel) / case.masks.size


def test_chunks_make_no_difference(rng):
    case = streak_case(rng)
    one, many = case.active(chunk=100), case.active(chunk=1)
    assert one.record_ids == many.record_ids
    for name in ("pointer", "pixel", "label", "values", "truth", "fold"):
        assert_array_equal(getattr(one, name), getattr(many, name))


def test_folds_may_have_any_numbers_but_must_come_in_order(rng):
    case = noise_case(rng)
    active = find_active([(case.ids, case.maps, case.masks)], case.members, dict(zip(case.ids, [2, 2, 7, 7])))
    assert active.folds == (2, 7)
    assert active.records_of(1) == (2, 4)
    with pytest.raises(ValueError, match="fold by fold"):
        find_active([(case.ids, case.maps, case.masks)], case.members, dict(zip(case.ids, [2, 7, 2, 7])))


def test_nothing_to_fit_is_said():
    with pytest.raises(UserError, match="no record"):
        find_active([], ["a"], {})


def test_maps_that_are_no_uint8_are_refused(rng):
    case = noise_case(rng)
    with pytest.raises(ValueError, match="maps"):
        find_active([(case.ids, case.maps.astype(float), case.masks)], case.members, {})
