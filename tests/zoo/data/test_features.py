"""Candidates and what they say: known contrasts are found, whole scenes never compared, absent bands left out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from core.errors import UserError
from tests.scenes import block, write_ash, write_record
from zoo.data import Assignment, Folds, open_scenes
from zoo.data.feature_ranking import input_channels, rank_features
from zoo.data.features import RING, Channel, candidate_channels, measure_channels

BANDS = (11, 14, 15)
LINE = np.zeros((256, 256), bool)
LINE[100:103, 20:230] = True


def with_contrail(folder, split, record_id, *, depth=2.0, bands=BANDS, **keys):
    """A record whose contrail is `depth` kelvin colder in band 15 than in 14, whatever the scene; a kelvin of noise."""
    place = write_record(folder, split, record_id, bands=bands, mask=LINE, **keys)
    values = np.load(place / "band_15.npy")
    values += np.random.default_rng(int(record_id)).normal(0, 1, values.shape).astype(np.float32)
    values[LINE, 4] -= depth
    np.save(place / "band_15.npy", values)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(10):
        with_contrail(folder, "train", str(100 + number))
    write_record(folder, "train", "200", mask=0)
    return open_scenes([folder])


def by_name(names):
    found = {one.name: one for one in candidate_channels()}
    return [found[name] for name in names]


def ranked(scenes, **inputs):
    rows = [Assignment(record.id, 1) for record in scenes.labelled]
    return rank_features(scenes, Folds((*rows, Assignment("held out", 0))), inputs)


@pytest.fixture(scope="module")
def found(scenes):
    return ranked(scenes)


def test_no_candidate_has_anothers_name():
    names = [one.name for one in candidate_channels()]
    assert len(set(names)) == len(names) > 100


def test_auc_and_d_prime_are_those_of_the_pixels(scenes):
    record = scenes.labelled[0]
    (channel,) = by_name(["T15-T14"])
    whole = Channel("whole", channel.reads, channel.make)
    seen = measure_channels(scenes.source(record), record, [whole])
    plane = np.subtract(*scenes.kelvin(record, (15, 14), (5,))[:, 0])
    rows = np.abs(np.arange(256) - 101)
    ring = np.zeros((256, 256), bool)
    ring[(rows - 1 > RING[0]) & (rows - 1 <= RING[1]), 20:230] = True  # but for its ends
    exact = mannwhitneyu(plane[LINE], plane[ring]).statistic / (LINE.sum() * ring.sum())
    assert seen.auc[0] == pytest.approx(exact, abs=0.03)
    spread = np.sqrt((plane[LINE].var() + plane[ring].var()) / 2)
    assert seen.d_prime[0] == pytest.approx((plane[LINE].mean() - plane[ring].mean()) / spread, rel=0.1)


def test_what_was_put_in_is_found(found):
    first = found.channels[0]
    assert "T15" in first.name
    assert 0.5 < first.low <= first.auc <= first.high <= 1
    assert first.scenes == 10  # the record without a contrail says nothing
    assert {one.name: one.brighter for one in found.channels}["T15-T14"] is False
    assert all("T8" not in one.name for one in found.channels)  # no scene holds it


def test_a_registered_input_is_judged_by_its_channels(scenes):
    useful = input_channels("useful", (14, 15), 1, lambda t14, t15: (t15 - t14,), True)
    blind = input_channels("blind", (11,), 1, lambda t11: (t11,), True)
    both = input_channels("both", (11, 14, 15), 2, lambda t11, t14, t15: (t15 - t14, t11), True)
    found = ranked(scenes, useful=useful, blind=blind, both=both)
    judged = {one.name: one for one in found.inputs}
    assert judged["useful"].d_prime > judged["blind"].d_prime + 1
    assert found.suggested.name == "useful"  # with fewer channels than what is as good
    for pixelwise in (True, False):
        names, scores = zip(*found.forward_selection(pixelwise))
        assert "T15" in names[0]
        assert list(scores) == sorted(scores)
        assert scores[-1] >= judged["useful"].d_prime - 1e-9
    assert not any("ridge" in name for name, _ in found.forward_selection(True))


def test_absent_frames_and_ash_colours_are_left_out_where_they_lack_something(tmp_path):
    for number in range(9):
        with_contrail(tmp_path / "records", "train", str(100 + number), frames=(5,) if number % 2 else range(1, 9))
    for number in range(3):
        write_ash(tmp_path / "ash", f"ash{number}", mask=LINE)
    scenes = open_scenes([tmp_path / "records", tmp_path / "ash"])
    colours = input_channels("colours", (14, 15), 1, lambda t14, t15: (t15 - t14,), True)
    kelvins = input_channels("kelvins", (14, 15), 1, lambda t14, t15: (t15 - t14,), False)
    found = ranked(scenes, colours=colours, kelvins=kelvins)
    counts = {one.name: one.scenes for one in found.channels}
    assert counts["T15-T14"] == 12
    assert "T15: t5 less t4" not in counts  # five scenes are too few
    by_name = {one.name: one for one in found.inputs}
    assert {name: one.scenes for name, one in by_name.items()} == {
        "colours": 12,
        "kelvins": 9,
    } or "kelvins" not in by_name
    assert found.suggested.name == "colours"


def test_a_scene_that_holds_no_band_leaves_the_ranking_of_the_others(tmp_path):
    for number in range(9):
        with_contrail(tmp_path, "train", str(100 + number))
    alone = ranked(open_scenes(tmp_path))
    write_record(tmp_path, "train", "200", bands=(), mask=LINE)
    both = ranked(open_scenes(tmp_path))
    assert [(one.name, one.auc, one.scenes) for one in both.channels] == [
        (one.name, one.auc, one.scenes) for one in alone.channels
    ]


def test_scenes_of_one_group_are_one_witness(found):
    one_group = replace(found, groups=np.zeros(len(found.scenes), np.int64))
    first = one_group.channels[0]
    assert first.low == first.high == pytest.approx(first.auc)
    assert found.channels[0].low < found.channels[0].high


def test_scenes_without_contrails_are_refused_in_one_line(tmp_path):
    write_record(tmp_path, "train", "1", mask=block(5))
    with pytest.raises(UserError, match="none of 1 records has a contrail of ten pixels"):
        ranked(open_scenes([tmp_path]))


def test_the_ranking_is_a_table_and_a_document(found):
    frame, document = found.to_frame(), found.as_dict()
    assert frame["name"].tolist() == [row["name"] for row in document["ranking"]]
    assert frame["auc"].is_monotonic_decreasing
    assert (document["folds"], document["scenes"], document["suggested"]) == ([1], 10, None)
