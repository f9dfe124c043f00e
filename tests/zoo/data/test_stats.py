"""Statistics that add up over records, against numpy over all pixels at once."""

import numpy as np
import pytest

from tests.scenes import write_ash, write_record
from zoo.data import LABELLED, open_scenes
from zoo.data.stats import PERCENTILES, PixelStats, describe


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stats")
    write_record(folder / "data", "train", "1", mask=100)
    write_record(folder / "data", "train", "2", mask=0)
    write_record(folder / "data", "validation", "3", mask=40)
    write_record(folder / "data", "test", "4", bands=(8, 14))
    write_ash(folder / "ash", "5", mask=60)
    return folder


def test_spreads_of_parts_add_up_to_the_whole(rng):
    values = rng.normal(-3, 2, 10_000).astype(np.float32)
    parts = [PixelStats.of(part, with_histogram=True) for part in np.split(values, [17, 5000])]
    whole = parts[0] + parts[1] + parts[2]
    assert whole.mean == pytest.approx(values.mean(dtype=float))
    assert whole.std == pytest.approx(values.std(dtype=float))
    assert (whole.low, whole.high) == (values.min(), values.max())
    for percent in PERCENTILES:
        assert whole.percentile(percent) == pytest.approx(
            np.percentile(values, percent), abs=0.1 if percent in (0.1, 99.9) else 0.02
        )


def test_the_labelled_frames_are_described(data):
    train, whole = (
        next(each for each in describe(open_scenes([data / "data"])) if each.split == split)
        for split in ("train", "all")
    )
    stored = {
        band: np.stack([np.load(data / "data" / "train" / name / f"band_{band}.npy")[..., 4] for name in "12"]).astype(
            float
        )
        for band in (11, 14, 15)
    }
    for band, values in stored.items():
        spread = train.quantities[f"band {band}"]
        assert (spread.mean, spread.std) == pytest.approx((values.mean(), values.std()))
        assert (spread.low, spread.high) == (values.min(), values.max())
    difference = stored[15] - stored[14]
    assert train.quantities["T15-T14"].mean == pytest.approx(difference.mean())
    marked = difference[0].reshape(-1)[100 * 256 : 100 * 256 + 100]
    assert train.quantities["T15-T14 in contrails"].count == 100
    assert train.quantities["T15-T14 in contrails"].mean == pytest.approx(marked.mean())
    assert whole.quantities["band 14"].count == 4 * 256 * 256
    assert whole.quantities["band 08"].count == 256 * 256
    assert LABELLED == 5


def test_a_record_without_bands_or_label_changes_nothing_but_the_count(tmp_path, data):
    alone = describe(open_scenes([data / "data"]))[-1]
    (tmp_path / "train" / "9").mkdir(parents=True)
    write_record(tmp_path, "train", "8", bands=(14,))
    (tmp_path / "train" / "8" / "band_14.npy").unlink()
    both = describe(open_scenes([data / "data", tmp_path]))[-1]
    assert both.records == alone.records + 2
    assert {name: stats.as_dict() for name, stats in both.quantities.items()} == {
        name: stats.as_dict() for name, stats in alone.quantities.items()
    }


def test_labels_are_described(data):
    summaries = {(each.source, each.split): each for each in describe(open_scenes([data / "data"]))}
    train, test = summaries["data", "train"], summaries["data", "test"]
    assert (train.share_with_contrails, train.positive_share) == (0.5, 100 / (2 * 256 * 256))
    assert (test.share_with_contrails, test.positive_share, test.pixel_percentiles()) == (None, None, {})
    whole = summaries["all", "all"]
    assert sorted(whole.positives) == [0, 40, 100]
    assert whole.pixel_percentiles()["50"] == 70
    assert whole.records == 4


def test_clipped_kelvins_do_not_enter_the_whole_and_colours_do(data):
    only, both = (describe(open_scenes(paths))[-1] for paths in ([data / "data"], [data / "data", data / "ash"]))
    assert both.quantities["band 14"].mean == only.quantities["band 14"].mean
    assert both.quantities["ash red"].count == only.quantities["ash red"].count + 256 * 256
    assert len(both.positives) == len(only.positives) + 1
    alone = describe(open_scenes([data / "ash"]))[-1]
    assert alone.clipped
    assert alone.quantities["band 14"].count == 256 * 256


def test_threads_change_nothing(data):
    scenes = open_scenes([data / "data", data / "ash"])
    one, two = ([each.as_dict() for each in describe(scenes, jobs)] for jobs in (1, 2))
    assert one == two


def test_real_scenes_agree_with_the_reference(real_scenes):
    *_, whole = describe(open_scenes([real_scenes]), jobs=2)
    spreads = whole.quantities
    # Measured elsewhere on 48 records, 37 of which are here.
    for name, mean, std in (("band 08", 233.65, 7.43), ("band 14", 275.83, 21.96), ("T15-T14", -2.84, 1.315)):
        assert spreads[name].mean == pytest.approx(mean, abs=0.1 * std)
        assert spreads[name].std == pytest.approx(std, rel=0.1)
    assert sum(whole.positives) == 13356 + 3451
