"""The figures of synthetic scenes beside those of real ones."""

import pytest

from benchmarks.synth_likeness import agreement, compare


def test_the_set_is_like_the_real_one_within_its_tolerances(folder):
    far = [row for row in compare(folder) if not row.ok]
    assert not far, far


def test_agreement_is_that_of_counting_pair_by_pair(rng):
    masks = [rng.uniform(size=(9, 9, count)) < 0.3 for count in (4, 6)]
    both = whole = 0
    for mask in masks:
        for one in range(mask.shape[-1]):
            for other in range(one):
                both += 2 * (mask[..., one] & mask[..., other]).sum()
                whole += mask[..., one].sum() + mask[..., other].sum()
    assert agreement(masks)[0] == pytest.approx(both / whole)
