"""Inputs that are scaled by statistics: of the records trained on, exact, kept to the bit, refused where foreign."""

import json

import numpy as np
import pytest

from core.errors import UserError
from core.signing import write_signed
from tests.scenes import write_record
from zoo.data import BANDS, open_scenes
from zoo.inputs import INPUTS, fit_scaling, mean_std, read_channels, read_scaling, write_scaling

SCALED = [name for name in INPUTS.names() if INPUTS.facts(name).scaled]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(3):
        path = write_record(folder, "train", str(100 + number), bands=BANDS) / "band_14.npy"
        noise = np.random.default_rng(number).normal(0, 0.5, (256, 256, 8))
        np.save(path, (np.load(path) + noise).astype(np.float32))
    return open_scenes([folder])


def channels_of(scenes, name, frames):
    """All records' channels, wide: (records, frames, channels, 256, 256) float64."""
    return np.stack([read_channels(scenes, record, name, frames) for record in scenes.records]).astype(float)


@pytest.mark.parametrize("name", [name for name in SCALED if INPUTS.facts(name).scaled is mean_std])
def test_standardised_channels_have_mean_0_and_std_1_over_the_records_fitted_on(scenes, name):
    scaling = fit_scaling(scenes, scenes.records, name, (4, 5), jobs=2)
    scaled = np.stack([scaling(read_channels(scenes, record, name, (4, 5))) for record in scenes.records])
    assert scaled.dtype == np.float32
    assert np.abs(scaled.mean(axis=(0, 1, 3, 4), dtype=float)).max() < 1e-4
    assert scaled.astype(float).std(axis=(0, 1, 3, 4)) == pytest.approx(np.ones(scaled.shape[2]), abs=1e-3)


def test_min_max_spans_0_to_1_over_the_records_fitted_on(scenes):
    scaling = fit_scaling(scenes, scenes.records, "all_bands_min_max", (5,))
    kelvin = channels_of(scenes, "all_bands_min_max", (5,))
    assert scaling.shift == pytest.approx(kelvin.min(axis=(0, 1, 3, 4)))
    scaled = scaling(kelvin.astype(np.float32))
    assert scaled.min(axis=(0, 1, 3, 4)) == pytest.approx(np.zeros(9), abs=1e-6)
    assert scaled.max(axis=(0, 1, 3, 4)) == pytest.approx(np.ones(9), abs=1e-6)


@pytest.mark.parametrize("name", SCALED)
def test_statistics_come_back_to_the_bit(scenes, tmp_path, name):
    made = fit_scaling(scenes, scenes.records[:1], name, (5,))
    write_scaling(tmp_path / "scaling.json", made)
    read = read_scaling(tmp_path / "scaling.json", name)
    assert np.array_equal(read.shift, made.shift)
    assert np.array_equal(read.scale, made.scale)
    assert read.records == 1


@pytest.mark.parametrize("name", SCALED)
def test_a_fill_value_of_one_record_does_not_scale_the_others(scenes, tmp_path, name):
    write_record(tmp_path, "train", "7", bands=BANDS)
    path = tmp_path / "train" / "7" / "band_14.npy"
    values = np.load(path)
    values[0, 0, 4] = 1e20
    np.save(path, values)
    with pytest.raises(UserError, match=r"7/band_14\.npy: holds .* 1e\+20 K"):
        both = open_scenes([*(source.root for source in scenes.sources), tmp_path])
        fit_scaling(both, both.records, name, (5,))


def test_an_input_with_bounds_of_its_own_needs_no_statistics(scenes, tmp_path):
    assert fit_scaling(scenes, scenes.records, "fc", (5,)) is None
    assert read_scaling(tmp_path / "absent.json", "fc") is None


@pytest.mark.parametrize("change", [{"input": "all_bands_min_max"}, {"shift": [1.0]}, {"scale": None}])
def test_statistics_of_another_input_are_refused(scenes, tmp_path, change):
    path = tmp_path / "scaling.json"
    write_scaling(path, fit_scaling(scenes, scenes.records[:1], "all_bands_mean_std", (5,)))
    write_signed(path, json.loads(path.read_text()) | change)
    words = r'scaling.json: (holds no statistics of the input "all_bands_mean_std"|scale is None, not a list)'
    with pytest.raises(UserError, match=words):
        read_scaling(path, "all_bands_mean_std")


def test_a_channel_without_any_spread_is_refused(tmp_path):
    folder = write_record(tmp_path, "train", "17", bands=BANDS)
    np.save(folder / "band_09.npy", np.full((256, 256, 8), 240, np.float32))
    scenes = open_scenes([tmp_path])
    with pytest.raises(UserError, match="channel 2 has one value in all 1 records"):
        fit_scaling(scenes, scenes.records, "all_bands_mean_std", (5,))
