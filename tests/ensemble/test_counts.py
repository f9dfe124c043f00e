"""Counts are remembered within bounds, and forgetting changes nothing."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ensemble import FitOptions
from ensemble.blend import identity_table, whole_weights
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.fitting import fit_active
from ensemble.surface import curves
from tests.ensemble.cases import streak_case


@pytest.mark.parametrize("kept", [1, 3, 7])
def test_counts_are_the_same_however_few_are_remembered(rng, monkeypatch, kept):
    monkeypatch.setattr("ensemble.counts.CURVES_KEPT", kept)
    active = streak_case(rng).active(eps=13)
    counts = BlendCounts(active)
    everything = TrainingSet(counts, counts.folds)
    for shares in ([1, 1, 1], [1, 0, 0], [1, 1, 1], [0, 2, 1]):
        for folds in ([0], [0, 1, 2, 3], [3, 1]):
            counted = counts.total(everything.blend(shares), "none", folds)
            assert_array_equal(counted, curves(active, whole_weights(shares), identity_table(), folds).sum(axis=0))


def test_forty_members_on_ten_folds_are_fitted(rng, monkeypatch):
    """More curves than are kept, as a fit of dozens of members makes them."""
    noise = tuple(np.linspace(1.0, 3.0, 40))
    active = streak_case(rng, records=40, size=24, folds=10, noise=noise).active(eps=13)
    whole = fit_active(active, options=FitOptions("uniform", "none"))
    monkeypatch.setattr("ensemble.counts.CURVES_KEPT", 355)
    scarce = fit_active(active, options=FitOptions("uniform", "none"))
    assert scarce.result.choice == whole.result.choice
    assert_array_equal(scarce.result.counts, whole.result.counts)
