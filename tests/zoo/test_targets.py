"""Every target keeps one contract; each is as computed by hand from what four labelers marked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import UserError
from tests.scenes import block, write_ash, write_record
from zoo.data import open_scenes
from zoo.targets import TARGETS, read_target, require_target, smooth_border, without_labelers

# Four pixels, marked by none, one, two and all of four labelers: a tie is no majority.
LABELERS = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 1]], bool).reshape(4, 1, 4)
MASK = (LABELERS.mean(axis=0) > 0.5).astype(np.float32)


@pytest.mark.parametrize("name", TARGETS.names())
def test_a_target_has_a_map_for_every_head(name):
    target = TARGETS.get(name)(MASK, LABELERS)
    assert target.shape == (len(TARGETS.facts(name).weights), 1, 4)
    assert target.dtype == np.float32
    assert ((target >= 0) & (target <= 1)).all()


@pytest.mark.parametrize("name", TARGETS.names())
def test_labelers_of_one_mind_are_the_mask(name):
    target = TARGETS.get(name)(MASK, np.repeat(MASK[None] > 0, 4, axis=0))
    assert (target == MASK).all()


@pytest.mark.parametrize("name", TARGETS.names())
def test_a_mask_alone_is_the_first_head_and_no_minimum_or_maximum(name):
    first, *further = TARGETS.get(name)(MASK, None)
    assert (first == MASK).all()
    assert all((head == MASK).all() if name == "mean_hard" else np.isnan(head).all() for head in further)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hard", [[0, 0, 0, 1]]),
        ("mean", [[0, 0.25, 0.5, 1]]),
        ("double_mean", [[0, 0.5, 1, 1]]),
        ("mean_hard", [[0, 0.25, 0.5, 1], [0, 0, 0, 1]]),
        ("mean_min_max", [[0, 0.25, 0.5, 1], [0, 0, 0, 1], [0, 1, 1, 1]]),
    ],
)
def test_a_target_by_hand(name, expected):
    assert TARGETS.get(name)(MASK, LABELERS)[:, 0].tolist() == expected


def test_a_target_is_read_from_the_labelers_of_a_record(tmp_path):
    folder = write_record(tmp_path, "train", "17", mask=3, labelers=4)
    path = folder / "human_individual_masks.npy"
    marked = np.load(path)
    marked[100, 2, 0, :2] = 0
    np.save(path, marked)
    scenes = open_scenes([tmp_path])
    target = read_target(scenes, scenes.records[0], "mean")
    assert target[0, 100, :4].tolist() == [1, 1, 0.5, 0]
    assert target.sum() == 2.5


@pytest.mark.parametrize("labelers", [0, 1])
def test_a_record_that_at_most_one_labeler_marked_gives_its_mask(tmp_path, labelers):
    write_record(tmp_path, "train", "17", mask=9, labelers=labelers)
    scenes = open_scenes([tmp_path])
    target = read_target(scenes, scenes.records[0], "mean_min_max")
    assert (target[0] == block(9)).all()
    assert np.isnan(target[1:]).all()


def test_borders_are_smoothed_where_the_mask_is_the_target_and_not_where_labelers_differ(tmp_path):
    write_record(tmp_path, "train", "17", mask=9, labelers=2)
    write_record(tmp_path, "train", "18", mask=9)
    scenes = open_scenes([tmp_path])
    several, alone = scenes.records
    smooth = smooth_border(block(9), 0.4)
    for name in TARGETS.names():
        assert (read_target(scenes, alone, name, 0.4)[0] == smooth).all()
    assert (read_target(scenes, several, "mean", 0.4) == read_target(scenes, several, "mean")).all()
    assert (read_target(scenes, several, "mean_hard", 0.4)[1] == smooth).all()


def test_learning_from_labelers_wants_a_record_that_has_some(tmp_path):
    write_ash(tmp_path, "9", mask=5)
    scenes = open_scenes([tmp_path])
    require_target(scenes, scenes.labelled, "hard")
    with pytest.raises(UserError, match='target "mean": none of the 1 records to train on has human_individual'):
        require_target(scenes, scenes.labelled, "mean")


def test_records_without_labelers_are_counted(tmp_path):
    write_record(tmp_path, "train", "17", mask=9, labelers=4)
    write_record(tmp_path, "validation", "18", mask=9)
    scenes = open_scenes([tmp_path])
    require_target(scenes, scenes.labelled, "mean")
    assert without_labelers(scenes, scenes.labelled, "mean") == 1
    assert without_labelers(scenes, scenes.labelled, "hard") == 0


MASKS = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(MASKS, st.floats(0, 1))
def test_a_smoothed_border_is_what_summing_over_neighbours_gives(mask, share):
    rows, columns = mask.shape
    expected = np.zeros(mask.shape)
    for row in range(rows):
        for column in range(columns):
            total = weights = 0.0
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    if (down, right) != (0, 0):
                        weight = np.exp(-(down**2 + right**2) / 2)
                        inside = np.clip(row + down, 0, rows - 1), np.clip(column + right, 0, columns - 1)
                        total, weights = total + weight * mask[inside], weights + weight
            expected[row, column] = (1 - share / 2) * mask[row, column] + share / 2 * total / weights
    np.testing.assert_allclose(smooth_border(mask, share), expected, atol=1e-6)


@given(MASKS, st.floats(0, 0.99))
def test_smoothing_a_border_keeps_the_mask_and_what_lies_beyond_a_pixel(mask, share):
    smooth = smooth_border(mask, share)
    assert ((smooth > 0.5) == mask).all()
    around = np.lib.stride_tricks.sliding_window_view(np.pad(mask, 1, mode="edge"), (3, 3))
    inner = around.all(axis=(2, 3)) | ~around.any(axis=(2, 3))
    np.testing.assert_allclose(smooth[inner], mask[inner], atol=1e-6)
