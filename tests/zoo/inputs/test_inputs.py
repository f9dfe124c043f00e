"""Every input keeps one contract; the ash image is the one that the labelers saw."""

import re
from hashlib import sha256

import numpy as np
import pytest
from scipy import ndimage

from core.errors import UserError
from tests.scenes import write_ash, write_record
from zoo.data import open_scenes
from zoo.data.ridge import ridge
from zoo.inputs import INPUTS, read_channels, require_input

# Of the channels that trained runs were made of: another hash, and all of their predictions are of other inputs.
HASHES = {
    "fc": "ce7993b0e26962ea",
    "fc_unclipped": "480fc773cfc1a526",
    "split_window": "fcf8658a7d8ac76d",
    "all_bands_min_max": "d3294f05f06bb55c",
    "all_bands_mean_std": "d3294f05f06bb55c",
    "fc_and_bands": "c5417aac137b2d03",
    "differences_and_bands": "eb7a087b4581df6a",
}


@pytest.mark.parametrize("name", HASHES)
def test_an_input_is_to_the_bit_what_it_was(name):
    bands = len(INPUTS.facts(name).bands)
    kelvin = np.random.default_rng(7).uniform(235, 305, (bands, 2, 16, 16)).astype(np.float32)
    channels = np.stack(INPUTS.get(name)(*kelvin), axis=1)
    assert sha256(channels.tobytes()).hexdigest()[:16] == HASHES[name]


@pytest.mark.parametrize("name", INPUTS.names())
def test_an_input_gives_finite_channels_of_its_own_number(name, rng):
    facts = INPUTS.facts(name)
    kelvin = rng.uniform(200, 310, (len(facts.bands), 2, 8, 8)).astype(np.float32)
    channels = np.stack(INPUTS.get(name)(*kelvin))
    assert channels.shape == (facts.channels, 2, 8, 8)
    assert channels.dtype == np.float32
    assert np.isfinite(channels).all()


def test_false_colour_is_the_official_formula():
    t11, t14, t15 = 280.0, 281.0, 279.0
    kelvin = np.array([t11, t14, t15], np.float32)
    expected = [(t15 - t14 + 4) / 6, (t14 - t11 + 4) / 9, (t14 - 243) / 60]
    assert INPUTS.get("fc")(*kelvin) == pytest.approx(expected, abs=1e-6)


def test_bands_beside_their_differences_are_in_the_order_of_the_docs(rng):
    kelvin = rng.uniform(200, 310, (9, 2, 2)).astype(np.float32)
    t = dict(zip(range(8, 17), kelvin))
    eleven = INPUTS.get("differences_and_bands")(*kelvin)
    assert np.array_equal(eleven, np.stack([t[15] - t[14], t[14] - t[11], *kelvin]))
    six = INPUTS.get("fc_and_bands")(t[11], t[13], t[14], t[15])
    assert np.array_equal(six, np.stack([t[15] - t[14], t[14] - t[11], t[14], t[11], t[13], t[15]]))


def test_ridges_are_those_of_the_clipped_differences(rng):
    t11, t14, t15 = (ndimage.gaussian_filter(rng.normal(280, 30, (64, 64)), 2).astype(np.float32) for _ in range(3))
    found = np.stack(INPUTS.get("fc_ridge")(t11, t14, t15))
    assert np.array_equal(found[:3], np.stack(INPUTS.get("fc")(t11, t14, t15)))
    for channel, difference, reach in ((3, (t15 - t14).clip(-4, 2), 0.6), (4, (t14 - t11).clip(-4, 5), 1.2)):
        expected = (ridge(difference, 2.0) / reach + 1) / 2
        np.testing.assert_allclose(found[channel], expected.clip(0, 1), atol=2e-3)  # of another mean
        assert found[channel].min() == 0
        assert found[channel].max() == 1


def test_false_colour_of_an_ash_file_is_that_file(real_scenes):
    scenes = open_scenes([real_scenes / "ash_color"])
    record = scenes.labelled[0]
    path = real_scenes / "ash_color" / "contrails" / f"{record.id}.npy"
    stored = np.load(path).astype(np.float32)[..., :3]
    channels = read_channels(scenes, record, "fc", (5,))[0]
    assert np.abs(np.moveaxis(channels, 0, -1) - stored).max() < 1e-5


def test_a_band_that_is_not_there_is_refused_by_name(tmp_path):
    write_record(tmp_path, "train", "17", bands=(11, 14))
    scenes = open_scenes([tmp_path])
    lacking = 'record 17 .*: lacks band 15, of which the input "fc" cannot be made, as in 1 of 1 record of'
    with pytest.raises(UserError, match=f"{lacking}.*: choose other data, or --data without this source"):
        require_input(scenes, scenes.records, "fc", (5,))


def test_inputs_that_can_be_made_of_all_records_are_proposed(tmp_path):
    write_record(tmp_path, "train", "17", bands=range(8, 17))
    write_record(tmp_path, "train", "18")
    write_record(tmp_path, "train", "19")
    scenes = open_scenes([tmp_path])
    words = "record 18 .*: lacks bands 08, 09, .* in 2 of 3 records of .*: give --set input=fc "
    with pytest.raises(UserError, match=words) as error:
        require_input(scenes, scenes.records, "all_bands_mean_std", (5,))
    proposed = re.findall(r"fc\w*|split_window|\w+_bands\w*", str(error.value).partition("--set")[2])
    for name in proposed:
        require_input(scenes, scenes.records, name, (5,))
    assert {"fc", "fc_unclipped", "split_window"} <= {*proposed}


def test_a_frame_that_is_not_there_is_refused_by_name(tmp_path):
    write_record(tmp_path, "train", "17", frames=(5, 6))
    scenes = open_scenes([tmp_path])
    require_input(scenes, scenes.records, "fc", (5, 6))
    with pytest.raises(UserError, match="record 17.*frame 4 is absent"):
        require_input(scenes, scenes.records, "fc", (4, 5))


@pytest.mark.parametrize("name", [name for name in INPUTS.names() if 8 in INPUTS.facts(name).bands])
def test_all_bands_want_all_bands(tmp_path, name):
    write_record(tmp_path, "train", "17", bands=(11, 13, 14, 15))
    scenes = open_scenes([tmp_path])
    with pytest.raises(UserError, match=f'record 17.*lacks bands 08, .*of which the input "{name}" cannot be made'):
        require_input(scenes, scenes.records, name, (5,))


def test_an_ash_scene_gives_no_input_that_clipping_has_spoilt(tmp_path):
    write_ash(tmp_path, "9")
    scenes = open_scenes([tmp_path])
    with pytest.raises(UserError, match='record 9.*ash-colour image.*"fc_unclipped"'):
        require_input(scenes, scenes.records, "fc_unclipped", (5,))


def test_nan_in_a_held_frame_is_refused_when_it_is_read(tmp_path):
    folder = write_record(tmp_path, "train", "17")
    band = np.load(folder / "band_14.npy")
    band[7, 7, 4] = np.nan
    np.save(folder / "band_14.npy", band)
    scenes = open_scenes([tmp_path])
    with pytest.raises(UserError, match=r"17.band_14\.npy"):
        read_channels(scenes, scenes.records[0], "fc", (5,))
