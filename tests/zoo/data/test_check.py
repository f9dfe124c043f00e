"""Every file that can be at fault, and the real scenes, which are not."""

import shutil

import numpy as np
import pytest

from core.errors import UserError
from tests.scenes import block, linked_copy, own, write_ash, write_metadata, write_record
from zoo.data import make_folds, open_scenes
from zoo.data.check import check_scenes, full_bands
from zoo.data.masks import majority


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    for name in ("101", "102", "103"):
        write_record(folder / "data", "train", name, bands=(11, 14), mask=30, labelers=4)
    write_record(folder / "data", "validation", "201", bands=(11, 14), frames=(4, 5), mask=30)
    write_record(folder / "data", "test", "301", bands=(11, 14))
    write_metadata(folder / "data", "validation", {"201": (0, 0, 0), "999": (0, 0, 0)})
    write_ash(folder / "ash", "401", mask=30)
    return folder


@pytest.fixture
def data(clean, tmp_path):
    return linked_copy(clean, tmp_path)


def _check(folder, jobs=1):
    return check_scenes(open_scenes([folder / "data", folder / "ash"]), jobs)


def test_clean_data_have_no_fault_and_are_counted(clean):
    report = _check(clean)
    assert report.faults == ()
    report.raise_if_faulty()
    document = report.as_dict()
    assert (document["records"], document["files"]) == (6, 3 * 4 + 3 + 2 + 1)
    # Six frames of two bands, and of the ash scene seven of three.
    assert document["absent_frames"] == 2 * 6 + 3 * 7
    assert [tally["labelled"] for tally in document["splits"]] == [1, 0, 3, 1]


def test_bands_with_all_frames_are_told_from_those_without(clean):
    by_split = _check(clean).by_split()
    assert full_bands(by_split["data", "train"]) == ((11, 14), (11, 14))
    assert full_bands(by_split["data", "validation"]) == ((11, 14), ())


def _change(name, change):
    def spoil(folder):
        np.save(folder / name, change(np.load(folder / name)))

    return spoil


def _with(index, value):
    def change(values):
        values[index] = value
        return values

    return change


def _cut(folder):
    path = folder / "band_14.npy"
    path.write_bytes(path.read_bytes()[:1_000_000])


def _pickle(folder):
    np.save(folder / "band_14.npy", np.array([None, 1], dtype=object), allow_pickle=True)


BAND, MASK, LABELERS = "band_14.npy", "human_pixel_masks.npy", "human_individual_masks.npy"
FAULTS = {
    "missing band": (BAND, "is missing, though most records hold it", lambda f: (f / BAND).unlink()),
    "missing mask": (MASK, "is missing", lambda f: (f / MASK).unlink()),
    "missing labelers": (LABELERS, "is missing", lambda f: (f / LABELERS).unlink()),
    "truncated": (BAND, "is truncated, 1000000 of 2097280 bytes", _cut),
    "empty file": (BAND, "is not a readable .npy file", lambda f: (f / BAND).write_bytes(b"")),
    "objects": (BAND, "pickled Python objects", _pickle),
    "shape": (BAND, "holds float32 (256, 8, 256)", _change(BAND, lambda v: v.swapaxes(1, 2))),
    "dtype": (BAND, "holds float64, not float32", _change(BAND, lambda v: v.astype(float))),
    "integers": (BAND, "holds int16", _change(BAND, lambda v: v.astype(np.int16))),
    "one NaN": (BAND, "frame t3 has 1 pixels that are no number", _change(BAND, _with((9, 9, 2), np.nan))),
    "infinite": (BAND, "frame t8 has 256 pixels that are no number", _change(BAND, _with((9, ..., 7), np.inf))),
    "wholly infinite": (BAND, "frame t8 has 65536 pixels", _change(BAND, _with((..., 7), -np.inf))),
    "no labelled frame": (BAND, "lacks the labelled frame, t5", _change(BAND, _with((..., 4), np.nan))),
    "no frame at all": (BAND, "lacks the labelled frame, t5", _change(BAND, _with(..., np.nan))),
    "celsius": (BAND, "plausible are 150 to 350 K", _change(BAND, lambda v: v - np.float32(273.15))),
    "a dead pixel": (BAND, "holds 0 to", _change(BAND, _with((0, 0, 0), 0))),
    "mask with 255": (MASK, "from 0 to 255, a mask only 0 and 1", _change(MASK, lambda v: v * 255)),
    "mask shape": (MASK, "not int32 (256, 256, 1)", _change(MASK, lambda v: v[..., 0])),
    "labelers with 2": (LABELERS, "from 0 to 2", _change(LABELERS, lambda v: v * 2)),
    "another majority": (MASK, "majority of 4 labelers in 1 pixels", _change(MASK, _with((0, 0, 0), 1))),
    "float mask": (MASK, "holds float32 (256, 256, 1), not int32", _change(MASK, lambda v: v.astype(np.float32))),
}


@pytest.mark.parametrize(("name", "words", "spoil"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_line_that_names_record_and_path(name, words, spoil, data):
    folder = data / "data" / "train" / "102"
    own(folder / name)
    spoil(folder)
    report = _check(data)
    (fault,) = report.faults
    assert words in str(fault)
    assert str(fault).startswith(f"record 102: {folder / name}: ")
    assert "; fetch" in str(fault)
    assert "\n" not in str(fault)
    with pytest.raises(UserError, match="1 fault in 1 record"):
        report.raise_if_faulty()


ASH_FAULTS = {
    "dtype": ("holds float32 (256, 256, 4), not float16", lambda v: v.astype(np.float32)),
    "shape": ("holds float16 (256, 256, 3)", lambda v: v[..., :3]),
    "NaN": ("no number", _with((0, 0, 1), np.nan)),
    "colour": ("holds colours from 0 to 1.5", lambda v: _with((0, 1, 1), 0)(_with((0, 0, 1), 1.5)(v))),
    "label": ("holds 1 labels that are neither 0 nor 1", _with((200, 0, 3), 0.5)),
}


@pytest.mark.parametrize(("words", "change"), ASH_FAULTS.values(), ids=ASH_FAULTS.keys())
def test_a_fault_of_an_ash_scene_is_named(words, change, data):
    path = data / "ash" / "contrails" / "401.npy"
    values = np.minimum(np.load(own(path)), 1)
    values[..., 3] = np.where(values[..., 3] > 0.5, 1, 0)
    np.save(path, change(values))
    (fault,) = _check(data).faults
    assert words in str(fault)
    assert str(fault).startswith(f"record 401: {path}: ")


def test_faults_are_a_table(data):
    (data / "data" / "train" / "102" / BAND).unlink()
    frame = _check(data).to_frame()
    assert frame.columns.tolist() == ["record", "path", "what", "todo"]
    assert frame["record"].tolist() == ["102"]
    assert frame["what"].tolist() == ["is missing, though most records hold it"]


def test_every_fault_of_every_record_is_told(data):
    for split, name in (("train", "101"), ("train", "103"), ("test", "301")):
        own(data / "data" / split / name / "band_11.npy").write_bytes(b"")
    (data / "data" / "train" / "103" / "band_14.npy").unlink()
    report = _check(data, jobs=2)
    assert [(fault.record, fault.path.name) for fault in report.faults] == [
        ("301", "band_11.npy"),
        ("101", "band_11.npy"),
        ("103", "band_11.npy"),
        ("103", "band_14.npy"),
    ]
    with pytest.raises(UserError, match="4 faults in 3 records"):
        report.raise_if_faulty()


def test_a_band_that_few_records_hold_is_no_fault(data):
    source = data / "data" / "train" / "101"
    shutil.copy(source / "band_11.npy", source / "band_08.npy")
    assert _check(data).faults == ()


def test_an_empty_record_is_a_fault(data):
    (data / "data" / "train" / "104").mkdir()
    (fault,) = _check(data).faults
    folder = data / "data" / "train" / "104"
    assert str(fault) == f"record 104: {folder}: holds no band; fetch this record again, or remove it"


def test_a_split_that_was_unpacked_one_folder_too_deep_is_to_be_moved(tmp_path):
    for name in ("1", "2", "3"):
        write_record(tmp_path / "train", "train", name)
    scenes = open_scenes(tmp_path)
    (fault,) = check_scenes(scenes).faults
    assert str(fault) == (
        f"record train: {tmp_path / 'train' / 'train'}: holds no band but 3 folders, 1 first: records one folder too "
        f"deep; move them up into {tmp_path / 'train'}"
    )
    with pytest.raises(UserError, match="none of 1 record is labelled"):
        make_folds(scenes, 2)


@pytest.mark.parametrize("kind", ["link", "folder"])
@pytest.mark.parametrize("name", [MASK, LABELERS, BAND])
def test_a_name_without_a_file_behind_it_is_a_fault(data, kind, name):
    path = data / "data" / "train" / "102" / name
    path.unlink()
    path.mkdir() if kind == "folder" else path.symlink_to("../../.git/annex/objects/gone.npy")
    (fault,) = _check(data).faults
    assert (fault.record, fault.path) == ("102", path)
    if name == MASK:
        with pytest.raises(UserError, match=r"102/human_pixel_masks\.npy"):
            make_folds(open_scenes(data / "data"), 2)


def test_an_inverted_label_is_a_fault(tmp_path):
    write_record(tmp_path / "records", "train", "1", mask=~block(300))
    write_record(tmp_path / "records", "train", "2", mask=block(256 * 100))
    write_ash(tmp_path / "ash", "3", mask=~block(300))
    faults = check_scenes(open_scenes([tmp_path / "records", tmp_path / "ash"])).faults
    assert sorted(fault.record for fault in faults) == ["1", "3"]
    assert {fault.what for fault in faults} == {"marks 65236 of 65536 pixels, more than half: it may be inverted"}


def test_a_record_that_is_a_link_to_nothing_is_a_fault(data):
    path = data / "data" / "train" / "105"
    path.symlink_to("../store/105")
    (fault,) = _check(data).faults
    assert (
        str(fault)
        == f"record 105: {path}: is a link to nothing; the record is left out; fetch or write this file again"
    )


def test_each_metadata_entry_that_cannot_be_used_is_a_fault(data):
    path = own(data / "data" / "validation_metadata.json")
    path.write_text(path.read_text().replace("1570000000.0", "1570000000000", 1))
    (fault,) = _check(data).faults
    assert (fault.record, fault.path) == ("201", path)
    assert "is not in seconds since 1970" in fault.what


def test_broken_metadata_are_a_fault(data):
    own(data / "data" / "validation_metadata.json").write_text("[{]")
    (fault,) = _check(data).faults
    assert "validation_metadata.json: is not readable JSON" in str(fault)


def test_a_tie_of_labelers_is_no_majority(rng):
    for count in (3, 4, 6):
        labelers = rng.random((count, 16, 16)) < 0.5
        np.testing.assert_array_equal(majority(labelers), labelers.mean(0) > 0.5)


def test_the_real_scenes_have_no_fault(real_scenes):
    report = check_scenes(open_scenes([real_scenes, real_scenes / "ash_color"]), jobs=2)
    assert report.faults == ()
    assert len(report.findings) == 213
