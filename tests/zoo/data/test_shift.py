"""The shift of labels is the planted one, within a tenth of a pixel, and its interval holds it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from core.errors import UserError
from tests.scenes import write_record
from zoo.data import make_folds, open_scenes
from zoo.data.features import ridge
from zoo.data.shift import REACH, correlation, estimate_shift, measure_label_shifts, peak


def lines(rng, offset=(0.0, 0.0), count=6):
    """Bright straight lines of all directions, 1 px wide and (256, 256), moved down and right by `offset`."""
    row, column = np.mgrid[:256, :256].astype(np.float32)
    plane = np.zeros((256, 256), np.float32)
    for angle, at_row, at_column in zip(rng.uniform(0, np.pi, count), *rng.uniform(40, 216, (2, count))):
        beside = (row - at_row - offset[0]) * np.cos(angle) - (column - at_column - offset[1]) * np.sin(angle)
        along = (row - at_row - offset[0]) * np.sin(angle) + (column - at_column - offset[1]) * np.cos(angle)
        plane += np.exp(-(beside**2) / 2) * (np.abs(along) < 40)
    return plane


def planted(offset, scenes=8):
    """Correlations of the labels of lines that lie off by `offset` with the ridges of the lines, under noise."""
    found = []
    for seed in range(scenes):
        noise = np.random.default_rng(seed + 1000).normal(0, 0.2, (256, 256))
        image = lines(np.random.default_rng(seed)) + noise
        label = lines(np.random.default_rng(seed), offset) > 0.4
        found.append(correlation(label.astype(np.float32), np.maximum(ridge(-image, 1.0), 0)))
    return np.array(found)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.5, 0.5), (0.5, 0.4), (-1.3, 2.0)])
def test_the_shift_undoes_the_planted_offset(offset):
    shift = estimate_shift(planted(offset), [str(number) for number in range(8)])
    for found, off in zip((shift.dy, shift.dx), offset):
        assert found.value == pytest.approx(-off, abs=0.1)
        assert found.low - 0.02 <= -off <= found.high + 0.02
        assert found.high - found.low < 0.3


def test_the_correlation_is_highest_where_one_plane_lies_on_the_other(rng):
    plane = gaussian_filter(rng.normal(size=(40, 50)), 1.5)
    moved = np.roll(plane, (2, -3), axis=(0, 1))
    surface = correlation(plane, moved)
    brute = sum(plane[i, j] * moved[i + 1, j - 4] for i in range(4, 36) for j in range(4, 46))
    assert surface[REACH + 1, REACH - 4] == pytest.approx(brute)
    assert peak(surface) == pytest.approx([2, -3], abs=0.2)


def test_records_of_one_group_are_one_draw():
    surfaces = planted((0.5, 0.5), 3)
    twice = estimate_shift(np.concatenate([surfaces, surfaces]), [str(number % 3) for number in range(6)])
    once = estimate_shift(surfaces, [str(number) for number in range(3)])
    assert twice.dy.bounds == pytest.approx(once.dy.bounds)
    assert estimate_shift(surfaces, ["one"] * 3).dy.interval is None


def write_lines(folder, ids, offset):
    for number in ids:
        label = lines(np.random.default_rng(number), offset) > 0.4
        place = write_record(folder, "train", str(number), bands=(14, 15), frames=(5,), mask=label)
        band = np.load(place / "band_14.npy")
        np.save(place / "band_15.npy", band - 4 * lines(np.random.default_rng(number))[..., None])


def test_sources_are_measured_alone_and_together_and_compared_with_what_they_declare(tmp_path):
    write_lines(tmp_path / "a", range(3), (0.5, 0.5))
    write_lines(tmp_path / "b", range(3, 6), (0.0, 0.0))
    scenes = open_scenes([tmp_path / "a", tmp_path / "b"])
    folds = make_folds(scenes, 2)
    a, b, both = measure_label_shifts(scenes, folds, jobs=1)
    assert (a.source, a.records, a.nearest, b.nearest) == ("a", 3, 0.5, 0.0)
    assert (a.shift.dy.value, b.shift.dx.value) == pytest.approx((-0.5, 0.0), abs=0.1)
    assert f"state label_offset = 0.0 in {tmp_path / 'b' / 'source.toml'}" in b.verdict
    assert (both.source, both.records) == ("all", 6)
    (tmp_path / "b" / "source.toml").write_text("label_offset = 0.0")
    a, b = measure_label_shifts(scenes, folds, jobs=1)
    assert (b.declared, "declared 0 px" in b.verdict or b.agrees) == (0.0, True)


def test_scenes_without_contrails_or_bands_are_refused(tmp_path):
    write_record(tmp_path, "train", "1", bands=(11, 14), mask=50)
    write_record(tmp_path, "train", "2", mask=0)
    scenes = open_scenes(tmp_path)
    with pytest.raises(UserError, match="holds no labelled scene with contrails and bands 14 and 15"):
        measure_label_shifts(scenes, make_folds(scenes, 2), jobs=1)


def test_folds_of_other_scenes_are_refused(tmp_path):
    write_lines(tmp_path / "a", range(3), (0.5, 0.5))
    write_lines(tmp_path / "b", range(3, 6), (0.5, 0.5))
    folds = make_folds(open_scenes(tmp_path / "a"), 2)
    with pytest.raises(UserError, match="3 labelled records are in no fold"):
        measure_label_shifts(open_scenes(tmp_path / "b"), folds, jobs=1)
