"""Directories as scenes: both layouts, partial downloads, and every wrong directory."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UserError
from tests.heard import Heard
from tests.scenes import block, write_ash, write_record
from zoo.data import Record, open_scenes


@pytest.fixture
def data(tmp_path) -> Path:
    """Two train records, a validation record, a test record that is the validation one, one ash scene below."""
    write_record(tmp_path / "data", "train", "195731008142151", mask=20, labelers=4)
    write_record(tmp_path / "data", "train", "1000216489776414077", frames=(3, 4, 5))
    write_record(tmp_path / "data", "validation", "1000834164244036115", bands=(8, 14))
    write_record(tmp_path / "data", "test", "1000834164244036115", bands=(8, 14))
    write_ash(tmp_path / "data" / "ash_color", "1108741208571075", mask=7)
    return tmp_path / "data"


def test_records_come_by_split_and_id(data):
    ids = [(record.split, record.id) for record in open_scenes([data]).records]
    assert ids == [
        ("test", "1000834164244036115"),
        ("train", "1000216489776414077"),
        ("train", "195731008142151"),
        ("validation", "1000834164244036115"),
    ]


def test_a_source_below_another_is_named_unless_it_is_read(data):
    for paths, words in (([data], ["ash_color: holds scenes, which are not read"]), ([data, data / "ash_color"], [])):
        heard = Heard()
        open_scenes(paths).note_unread(heard)
        assert [note.removeprefix(f"{data}/").partition(";")[0] for note in heard.notes] == words


def test_the_order_of_the_directory_does_not_count(data, monkeypatch):
    before = open_scenes([data, data / "ash_color"]).records
    scandir, iterdir = os.scandir, Path.iterdir

    class Reversed:
        def __init__(self, path):
            self.entries = sorted(scandir(path), key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(os, "scandir", Reversed)
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(sorted(iterdir(path), reverse=True)))
    assert open_scenes([data / "ash_color", data]).records == before


def test_kelvins_are_those_of_the_files(data):
    scenes = open_scenes([data])
    record = scenes.record("195731008142151")
    kelvin = scenes.kelvin(record, (15, 11), (8, 1, 5))
    assert kelvin.dtype == np.float32
    for plane, band in zip(kelvin, (15, 11)):
        stored = np.load(data / "train" / record.id / f"band_{band}.npy")
        assert_array_equal(plane, np.moveaxis(stored[..., [7, 0, 4]], -1, 0))


def test_masks_and_labelers_are_those_of_the_files(data):
    scenes = open_scenes([data])
    record = scenes.record("195731008142151")
    assert_array_equal(scenes.mask(record), block(20))
    labelers = scenes.source(record).labelers(record)
    assert labelers is not None
    assert labelers.shape == (4, 256, 256)
    assert_array_equal(labelers[2], block(20))
    validation = scenes.record("1000834164244036115")
    assert scenes.source(validation).labelers(validation) is None


def test_a_frame_that_is_not_held_is_nan_and_known_beforehand(data):
    scenes = open_scenes([data])
    record = scenes.record("1000216489776414077")
    assert scenes.source(record).frames(record, (11, 14)) == (3, 4, 5)
    kelvin = scenes.kelvin(record, (11,), (2, 3))
    assert np.isnan(kelvin[0, 0]).all()
    assert np.isfinite(kelvin[0, 1]).all()


def test_a_record_says_which_bands_it_holds(data):
    scenes = open_scenes([data, data / "ash_color"])
    bands = {record.id: scenes.source(record).bands(record) for record in scenes.labelled}
    assert bands["1000834164244036115"] == (8, 14)
    assert bands["195731008142151"] == bands["1108741208571075"] == (11, 14, 15)


def test_a_labelled_record_of_the_same_id_as_a_test_record_is_found_first(data):
    scenes = open_scenes([data])
    assert scenes.record("1000834164244036115").split == "validation"
    assert scenes.record("1000834164244036115", "test") == scenes.test[0]
    assert [record.split for record in scenes.labelled] == ["train", "train", "validation"]


def test_an_unknown_record_is_named(data):
    with pytest.raises(UserError, match="record 42: is not in"):
        open_scenes([data]).record("42")


def test_a_source_below_another_is_read_only_when_named(data):
    assert "1108741208571075" not in {record.id for record in open_scenes([data]).records}
    both = open_scenes([data, data / "ash_color"])
    assert both.record("1108741208571075") == Record("1108741208571075", "train", "ash_color", clipped=True)


def test_ash_colours_come_back_from_their_kelvins(data):
    scenes = open_scenes([data / "ash_color"])
    (record,) = scenes.records
    stored = np.load(scenes.source(record).path(record)).astype(np.float32)
    t11, t14, t15 = scenes.kelvin(record, (11, 14, 15), (5,))[:, 0]
    again = np.stack([(t15 - t14 + 4) / 6, (t14 - t11 + 4) / 9, (t14 - 243) / 60], -1)
    np.testing.assert_allclose(np.clip(again, 0, 1), stored[..., :3], atol=1e-5)
    assert_array_equal(scenes.mask(record), block(7))


def test_an_ash_colour_scene_holds_the_labelled_frame_alone(data):
    scenes = open_scenes([data / "ash_color"])
    (record,) = scenes.records
    assert scenes.source(record).frames(record, (14,)) == (5,)
    kelvin = scenes.kelvin(record, (14, 11), (4, 5))
    assert np.isnan(kelvin[:, 0]).all()
    assert np.isfinite(kelvin[:, 1]).all()
    with pytest.raises(UserError, match=r"holds bands 11, 14 and 15, not 8; choose"):
        scenes.kelvin(record, (8,), (5,))


def test_real_ash_images_come_back_from_their_kelvins(real_scenes):
    scenes = open_scenes([real_scenes / "ash_color"])
    for record in scenes.records[::40]:
        stored = np.load(scenes.source(record).path(record)).astype(np.float32)
        t11, t14, t15 = scenes.kelvin(record, (11, 14, 15), (5,))[:, 0]
        again = np.stack([(t15 - t14 + 4) / 6, (t14 - t11 + 4) / 9, (t14 - 243) / 60], -1)
        np.testing.assert_allclose(again, stored[..., :3], atol=2e-5)


def test_the_public_test_records_are_validation_records(real_scenes):
    scenes = open_scenes([real_scenes])
    assert len(scenes.test) == 2
    for record in scenes.test:
        twin = scenes.record(record.id)
        assert twin.split == "validation"
        assert_array_equal(scenes.kelvin(record, (14,), (5,)), scenes.kelvin(twin, (14,), (5,)))


def test_a_record_labelled_in_two_places_is_refused_with_both_paths(data, tmp_path):
    write_record(tmp_path / "more", "validation", "195731008142151")
    with pytest.raises(UserError) as caught:
        open_scenes([data, tmp_path / "more"])
    for words in ("195731008142151", str(data / "train"), str(tmp_path / "more" / "validation"), "move one away"):
        assert words in str(caught.value)


def test_a_test_record_in_two_places_is_refused(data, tmp_path):
    write_record(tmp_path / "more", "test", "1000834164244036115")
    with pytest.raises(UserError, match="record 1000834164244036115: is in two places"):
        open_scenes([data, tmp_path / "more"])


def test_a_directory_named_twice_is_read_once(data):
    assert open_scenes([data, data / "train" / ".."]).records == open_scenes([data]).records


def test_sources_of_one_name_are_told_apart(tmp_path):
    write_record(tmp_path / "a" / "data", "train", "1")
    write_record(tmp_path / "b" / "data", "train", "2")
    scenes = open_scenes([tmp_path / "b" / "data", tmp_path / "a" / "data"])
    assert [record.source for record in scenes.records] == ["a/data", "b/data"]


def test_hidden_folders_and_stray_files_are_no_records(data):
    (data / "train" / ".cache").mkdir()
    (data / "train" / "notes.txt").write_text("")
    assert len(open_scenes([data]).labelled) == 3


def _empty(data):
    shutil.rmtree(data)
    data.mkdir()


WRONG = {
    "no such data directory; check the path": (lambda data: shutil.rmtree(data), "data"),
    "no such data directory; did you mean": (lambda data: None, "dta"),
    "is not a directory": (lambda data: None, "data/train/195731008142151/band_11.npy"),
    "holds no records; name the folder above it": (lambda data: None, "data/train"),
    "holds no records; did you mean": (lambda data: None, "."),
    "holds no records; expected contrails/*.npy, or train/": (_empty, "data"),
    "holds ash-colour scenes and records; move one kind": (lambda data: write_ash(data, "5"), "data"),
}


@pytest.mark.parametrize(("words", "case"), WRONG.items(), ids=WRONG.keys())
def test_a_wrong_directory_is_answered_in_one_line(words, case, data):
    spoil, path = case
    spoil(data)
    with pytest.raises(UserError) as caught:
        open_scenes([data.parent / path])
    assert words in str(caught.value)
    assert str(data.parent) in str(caught.value)
    assert "\n" not in str(caught.value)


def _save(name, change):
    def spoil(folder):
        np.save(folder / name, change(np.load(folder / name)))

    return spoil


def _with(values, index, value):
    values[index] = value
    return values


TORN = {
    "no such file": lambda folder: (folder / "band_14.npy").unlink(),
    "holds float32 (256, 256, 7), not float32 (256, 256, 8)": _save("band_14.npy", lambda v: v[..., :7]),
    "holds int16": _save("band_14.npy", lambda v: v.astype(np.int16)),
    "frame t5 has 1 pixels that are no number": _save("band_14.npy", lambda v: _with(v, (3, 4, 4), np.nan)),
    "frame t1 has 2 pixels": _save("band_14.npy", lambda v: _with(v, (3, slice(2), 0), np.inf)),
    "lacks the labelled frame, t5": _save("band_14.npy", lambda v: _with(v, (..., 4), np.nan)),
    "holds -999 to": _save("band_14.npy", lambda v: _with(v, (3, 4, 4), -999)),
    "holds 0 to 0 K": _save("band_14.npy", lambda v: _with(v, (..., 0), 0)),
    "1e+20 K, plausible are 150 to 350 K": _save("band_14.npy", lambda v: _with(v, (3, 4, 4), 1e20)),
    "from 0 to 255, a mask only 0 and 1": _save("human_pixel_masks.npy", lambda v: v * 255),
    "not int32 (256, 256, 1)": _save("human_pixel_masks.npy", lambda v: v[..., 0]),
    "not int32 (256, 256, 1, 1)": _save("human_individual_masks.npy", lambda v: v[0]),
}


@pytest.mark.parametrize(("words", "spoil"), TORN.items(), ids=TORN.keys())
def test_reading_refuses_what_is_torn(words, spoil, data):
    spoil(data / "train" / "195731008142151")
    scenes = open_scenes([data])
    record = scenes.record("195731008142151")
    with pytest.raises(UserError) as caught:
        scenes.kelvin(record, (14,), (5, 1))
        scenes.mask(record)
        scenes.source(record).labelers(record)
    assert words in str(caught.value)
    assert "195731008142151" in str(caught.value)


def test_colours_that_no_image_has_are_refused(tmp_path):
    path = write_ash(tmp_path, "5")
    np.save(path, _with(np.load(path), (3, 4, 1), 255))
    with pytest.raises(UserError, match=r"5\.npy: holds colours from 0.* to 255, allowed are 0 to 1"):
        open_scenes(tmp_path).kelvin(open_scenes(tmp_path).record("5"), (14,), (5,))


def test_the_data_room_and_its_folds_do_without_torch_joblib_and_pandas(tmp_path):
    import subprocess
    import sys

    probe = (
        "import sys; from pathlib import Path; from zoo.data import Assignment, Folds, read_folds, write_folds;"
        "folds = Folds((Assignment('a', 0), Assignment('b', 1))); path = Path(sys.argv[1]); write_folds(path, folds);"
        "assert read_folds(path).count == 2; sys.exit(bool({'torch', 'joblib', 'rich', 'pandas'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", probe, str(tmp_path / "folds.csv")]
    assert subprocess.run(command, check=False).returncode == 0
