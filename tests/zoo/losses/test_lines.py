"""Losses that look at lines: skeletons and sums along lines as computed slowly, and what each of them values."""

from math import cos, floor, pi, sin

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from zoo.losses import LOSSES
from zoo.losses._skeleton import soft_skeleton
from zoo.losses.boundary import signed_distance
from zoo.losses.hough import line_sums

LINES = ["cldice", "hough", "skeleton_recall"]
CROSS = ndimage.generate_binary_structure(2, 1)
MAPS = arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=16))


def certain(mask):
    """Logits of a prediction that is this mask."""
    return 40 * mask - 20


def tensor(mask):
    return torch.as_tensor(np.asarray(mask, np.float32))[None, None]


def line():
    """Three pixels wide, from one side to the other."""
    mask = np.zeros((32, 32), np.float32)
    mask[14:17] = 1
    return mask


def without(mask, rows, columns):
    changed = mask.copy()
    changed[rows, columns] = 0
    return changed


@settings(max_examples=30)
@given(MAPS, st.integers(0, 4))
def test_a_soft_skeleton_is_that_of_grey_morphology(maps, iterations):
    def ridge(grey):
        eroded = ndimage.minimum_filter(grey, footprint=CROSS, mode="constant", cval=np.inf)
        return np.maximum(grey - ndimage.maximum_filter(eroded, size=3, mode="constant", cval=-np.inf), 0)

    grey, expected = maps.astype(float), ridge(maps.astype(float))
    for _ in range(iterations):
        grey = ndimage.minimum_filter(grey, footprint=CROSS, mode="constant", cval=np.inf)
        expected = 1 - (1 - expected) * (1 - ridge(grey))
    np.testing.assert_allclose(soft_skeleton(tensor(maps), iterations)[0, 0].numpy(), expected, atol=1e-6)


@given(MAPS, st.integers(0, 4))
def test_the_skeleton_of_a_mask_is_a_part_of_it(maps, iterations):
    mask = tensor(maps > 0.5)
    skeleton = soft_skeleton(mask, iterations)
    assert set(skeleton.unique().tolist()) <= {0.0, 1.0}
    assert (skeleton <= mask).all()


def test_the_skeleton_of_a_line_is_its_middle():
    skeleton = soft_skeleton(tensor(line()), 3)[0, 0]
    assert skeleton[:, 4:28].nonzero()[:, 0].unique().tolist() == [15]


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 7), st.integers(0, 99))
def test_sums_along_lines_are_those_of_pixel_after_pixel(height, width, angles, seed):
    maps = np.random.default_rng(seed).random((2, height, width), np.float32)
    expected = {}
    for number in range(angles):
        for row in range(height):
            for column in range(width):
                across, down = column - (width - 1) / 2, row - (height - 1) / 2
                turn = pi * number / angles
                distance = across * cos(turn) + down * sin(turn)
                if abs(distance - floor(distance) - 0.5) < 1e-5:
                    return  # halfway between two lines, either is right
                at = (number, round(distance))
                expected[at] = expected.get(at, 0) + maps[:, row, column]
    found = line_sums(torch.from_numpy(maps)[:, None], angles)
    found = found[(found != 0).any(dim=1)]
    np.testing.assert_allclose(found, [expected[at] for at in sorted(expected)], rtol=1e-5)


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=30)
@given(MAPS)
def test_a_prediction_that_is_the_mask_costs_nothing(name, maps):
    mask = tensor(maps > 0.5)
    assert LOSSES.get(name)(certain(mask), mask).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", LINES)
def test_the_gradient_closes_a_gap(name):
    logits = certain(tensor(without(line(), slice(None), slice(14, 18)))).clamp(-2, 2).requires_grad_()
    LOSSES.get(name)(logits, tensor(line())).backward()
    assert (logits.grad[0, 0, 15, 14:18] < 0).all()


@pytest.mark.parametrize("name", ["cldice", "skeleton_recall"])
def test_a_gap_costs_by_its_length_and_not_by_its_area(name):
    """Of two bands, 5 and 11 pixels wide."""
    mask = np.zeros((32, 32), np.float32)
    bands = slice(4, 9), slice(16, 27)
    for band in bands:
        mask[band] = 1
    torn = [tensor(without(mask, band, slice(12, 20))) for band in bands]
    by_area = [LOSSES.get("dice")(certain(one), tensor(mask)).item() for one in torn]
    by_length = [LOSSES.get(name)(certain(one), tensor(mask), iterations=5).item() for one in torn]
    assert by_area[1] > 2 * by_area[0]
    assert by_length[1] == pytest.approx(by_length[0], rel=0.05)


def test_a_straight_line_outweighs_scattered_pixels_in_hough_space():
    """Of two predictions that miss as many pixels, the one that misses those of the line costs more."""
    rng = np.random.default_rng(3)
    mask = np.zeros((32, 32), np.float32)
    mask[8] = 1
    mask[rng.integers(12, 32, 32), rng.permutation(32)] = 1
    missed = without(mask, 8, slice(None)), without(mask, slice(12, 32), slice(None))
    by_dice, by_hough = (
        [LOSSES.get(name)(certain(tensor(one)), tensor(mask)).item() for one in missed] for name in ("dice", "hough")
    )
    assert by_dice[0] == pytest.approx(by_dice[1])
    assert by_hough[0] > 1.5 * by_hough[1]


@given(arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_a_signed_distance_is_that_of_pixel_after_pixel(mask):
    """To the nearest pixel of the other kind, less the half of it."""
    found = signed_distance(mask)
    if mask.all() or not mask.any():
        assert not found.any()
        return
    places = {kind: np.argwhere(mask == kind) for kind in (False, True)}
    for at, inside in np.ndenumerate(mask):
        nearest = np.linalg.norm(places[not inside] - at, axis=1).min() - 0.5
        assert found[at] == pytest.approx(-nearest if inside else nearest, abs=1e-5)


def test_a_false_contrail_costs_the_more_the_farther_it_lies():
    costs = []
    for row in (18, 22, 30):
        seen = line()
        seen[row] = 1
        costs.append(LOSSES.get("boundary")(certain(tensor(seen)), tensor(line())).item())
    exact = LOSSES.get("boundary")(certain(tensor(line())), tensor(line())).item()
    assert exact < costs[0] < costs[1] < costs[2]
    # A row of false pixels 5.5 px below the border, of 32 rows.
    assert costs[1] - exact == pytest.approx(5.5 / 32, abs=1e-4)


def test_sky_alone_and_what_less_than_a_half_marked_have_no_border():
    seen = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert LOSSES.get("boundary")(seen, torch.zeros(2, 1, 8, 8)) == 0
    soft = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    boundary = LOSSES.get("boundary")
    assert boundary(seen, soft) == boundary(seen, (soft > 0.5).float()) != 0
