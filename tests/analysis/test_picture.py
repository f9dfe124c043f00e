"""Colours of the overlay."""

import numpy as np

from analysis.picture import FALSE, MISSED, RIGHT, overlay


def test_the_overlay_colours_right_false_and_missed_pixels_on_the_scene():
    predicted, truth = np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 1, 0]], bool)
    ash = np.full((3, 1, 4), 0.5, np.float32)
    picture = overlay(predicted, truth, ash)
    assert np.allclose(picture[0], [RIGHT, FALSE, MISSED, (0.3, 0.3, 0.3)])
    assert not overlay(predicted, truth)[0, 3].any()
