"""The ridge filter, against scipy's Gaussian derivatives."""

import numpy as np
import pytest
from scipy import ndimage

from zoo.data.ridge import ridge


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_the_filter_is_the_greater_curvature_of_the_smoothed_plane(sigma, rng):
    plane = rng.normal(0, 2, (2, 40, 30)).astype(np.float32)
    orders = ((0, 2, 0), (0, 1, 1), (0, 0, 2))
    rows, mixed, columns = (
        ndimage.gaussian_filter(plane.astype(float), (0, sigma, sigma), order=order, mode="nearest") for order in orders
    )
    greater = np.linalg.eigvalsh(np.stack([rows, mixed, mixed, columns], -1).reshape(*plane.shape, 2, 2))[..., 1]
    found = ridge(plane, sigma)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, sigma**2 * greater, atol=2e-6 * 16)


def test_a_ridge_is_dark_and_of_its_width():
    plane = np.zeros((64, 64), np.float32)
    plane[32] = -1
    answers = ridge(plane, 1.0)
    assert answers[32, 32] == answers.max() > 0.3
    assert abs(answers[10, 10]) < 1e-6
    assert ridge(plane.T, 1.0)[32, 32] == pytest.approx(answers[32, 32])
    assert ridge(-plane, 1.0)[32, 32] < 1e-6
