"""Packed folders: what is kept of records, and what a kill, a flipped bit and changed scenes do to it."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo.data.packing as packing
from core.errors import UsageError, UserError
from core.files import LARGEST_DOCUMENT, sha256_of_file
from tests.forks import exit_code, forked
from tests.heard import Heard
from tests.scenes import linked_copy, own, write_ash, write_metadata, write_record
from zoo.data import SIZE, make_folds, open_scenes
from zoo.data.check import check_scenes
from zoo.data.origins import open_origins
from zoo.data.packing import pack
from zoo.data.shards import Content, packed_bits, unpacked_bits
from zoo.inputs import INPUTS, content_for, read_batch, read_channels

SHARD = 2 << 19  # bytes: a few records of t5


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Records of every kind: placed and not, with labelers and without, alike and not, without frames, unlabelled."""
    folder = tmp_path_factory.mktemp("packing") / "raw"
    for number in range(4):
        write_record(folder, "train", str(100 + number), mask=60 * number, labelers=4 * (number % 2))
    write_record(folder, "train", "104", mask=7, seed=100)  # the scene of 100
    write_record(folder, "validation", "200", mask=50, frames=(1, 5, 6))
    write_record(folder, "test", "200", seed=200)
    write_metadata(folder, "train", {"101": (0, 0, 0), "102": (0.5, 100, 0)})
    (folder / "source.toml").write_text("label_offset = 0.0\n")
    return folder


@pytest.fixture(scope="module")
def ash(raw):
    write_ash(raw.parent / "ash", "300", mask=30)
    return raw.parent / "ash"


def pack_into(out, data, names=("fc",), frames=(5,), shard_bytes=SHARD, **keys):
    made_by = {"data": [str(path) for path in data], "input": names, "frames": sorted({*frames, 5})}
    return pack(open_origins(data), out, content_for(names, frames), made_by, shard_bytes=shard_bytes, **keys)


@pytest.fixture(scope="module")
def packed(raw):
    """All frames as ash colours, in several shards: read only."""
    pack_into(raw.parent / "packed", [raw], frames=range(1, 9))
    return raw.parent / "packed"


def files_of(folder):
    return {str(path.relative_to(folder)): sha256_of_file(path) for path in folder.rglob("*") if path.is_file()}


def test_all_but_the_precision_of_the_planes_is_kept(raw, packed):
    before, after = open_scenes(raw), open_scenes(packed)
    assert [(one.split, one.id) for one in after.records] == [(one.split, one.id) for one in before.records]
    assert after.label_offset == before.label_offset == 0
    for one, other in zip(before.records, after.records):
        assert after.metadata(other) == before.metadata(one)
        source, packed_source = before.source(one), after.source(other)
        assert packed_source.has_mask(other) == source.has_mask(one)
        assert packed_source.frames(other, (11, 14, 15)) == source.frames(one, (11, 14, 15))
        marks, packed_marks = source.labelers(one), packed_source.labelers(other)
        assert (marks is None) == (packed_marks is None)
        assert marks is None or np.array_equal(marks, packed_marks)
        if source.has_mask(one):
            assert np.array_equal(after.mask(other), before.mask(one))


@pytest.mark.parametrize(
    ("name", "bound"), [("fc", 1 / 510), ("split_window", 1 / 510), ("fc_unclipped", 0.01 / 6), ("fc_and_bands", 0.01)]
)
def test_channels_are_those_of_the_raw_records_to_the_stated_error(raw, tmp_path, name, bound):
    bands = (11, 13, 14, 15) if name == "fc_and_bands" else (11, 14, 15)
    write_record(tmp_path / "raw", "train", "1", bands=bands, frames=(4, 5))
    pack_into(tmp_path / "out", [tmp_path / "raw"], (name,), (4, 5, 6))
    before, after = open_scenes(tmp_path / "raw"), open_scenes(tmp_path / "out")
    exact = read_channels(before, before.labelled[0], name, (4, 5, 6))
    found = read_channels(after, after.labelled[0], name, (4, 5, 6))
    assert np.isnan(found[2]).all()
    assert np.abs(exact - found)[:2].max() < bound + 1e-4
    assert np.abs(exact - found)[:2].max() > bound / 10  # or nothing was rounded


@given(st.floats(150, 350, width=32))
def test_a_kelvin_is_off_by_half_a_step(kelvin):
    content = Content(kind="kelvin", bands=(14,), frames=(5,))
    planes = np.full((1, 1, 2, 2), kelvin, np.float32)
    assert abs(content.decode(content.encode(planes)) - planes).max() <= 0.00503


@given(st.integers(0, 2**32 - 1))
def test_bits_of_masks_come_back(seed):
    masks = np.random.default_rng(seed).random((2, SIZE, SIZE)) < 0.3
    assert np.array_equal(unpacked_bits(packed_bits(masks)), masks)


@pytest.mark.parametrize("name", [name for name in INPUTS.names() if INPUTS.facts(name).bands == (11, 14, 15)])
def test_a_batch_has_the_bits_of_its_records_read_one_by_one(raw, tmp_path, name):
    pack_into(tmp_path / "out", [raw], (name,), (5, 6))
    scenes = open_scenes(tmp_path / "out")
    records = [scenes.labelled[number] for number in (3, 0, 2, 0)]
    found = read_batch(scenes, records, name, (5, 6))
    assert np.array_equal(found, np.stack([read_channels(scenes, record, name, (5, 6)) for record in records]))


@pytest.mark.parametrize("places", [(), ("100", "101", "102", "103", "104", "200")])
def test_scene_groups_are_those_of_the_raw_records(raw, tmp_path, places):
    """Records are compared by all frames that they held, also those that are not packed."""
    data = linked_copy(raw, tmp_path / "raw")
    (data / "train_metadata.json").unlink()
    write_record(data, "train", "105", seed=100, frames=(5,))
    for band in (11, 14, 15):  # 40 minutes later: its t5 is like t1 of 100
        path = data / "train" / "105" / f"band_{band}.npy"
        values = np.load(data / "train" / "100" / f"band_{band}.npy")
        np.save(path, np.where(np.arange(8) == 4, values[..., :1], np.nan).astype(np.float32))
        values[..., 4] = np.roll(values[..., 4], 128, axis=0)
        np.save(own(data / "train" / "100" / f"band_{band}.npy"), values)
    write_metadata(data, "train", {name: (0, 0, 3000 * int(name)) for name in places})
    pack_into(tmp_path / "out", [data])
    before, after = (make_folds(open_scenes(folder), 2) for folder in (data, tmp_path / "out"))
    assert after.group_of == before.group_of
    assert before.group_of["105"] == "100"


def test_sources_of_both_layouts_are_packed_together(raw, ash, tmp_path):
    (ash / "source.toml").write_text("label_offset = 0.0\n")
    report = pack_into(tmp_path / "out", [raw, ash], frames=(5, 6))
    assert (report.records, report.reused) == (8, 0)
    before, after = open_scenes([raw, ash]), open_scenes(tmp_path / "out")
    record = after.record("300")
    colours = after.source(record).colours(record, (5,))
    assert np.abs(colours - read_channels(before, before.record("300"), "fc", (5,))[0][:, None]).max() < 1 / 509
    assert after.source(record).frames(record, (11, 14, 15)) == (5,)
    assert not check_scenes(after).faults
    (ash / "source.toml").unlink()
    with pytest.raises(UserError, match=r"labels of .* lie 0\.5 px off, those of .* 0 px"):
        pack_into(tmp_path / "other", [raw, ash])


def test_a_flipped_bit_anywhere_is_found_with_the_record_and_the_command(raw, packed, tmp_path):
    for number, name in enumerate(("planes.npy", "masks.npy", "thumbnails.npy")):
        out = linked_copy(packed, tmp_path / str(number))
        path = own(out / "shard-0001" / name)
        flip(path, path.stat().st_size // 2)
        faults = check_scenes(open_scenes(out)).faults
        assert [fault.what for fault in faults] == ["holds other bytes than were packed"]
        assert faults[
            0
        ].todo == f"run: cli data pack {packed} --data {raw} --input fc --frames 1,2,3,4,5,6,7,8".replace(
            str(packed), str(out)
        )
        assert pack_into(out, [raw], frames=range(1, 9)).reused < 7
        assert files_of(out) == files_of(packed)


@pytest.mark.parametrize("name", ["planes.npy", "shard.json"])
def test_a_flipped_header_is_refused_by_the_reader(packed, tmp_path, name):
    out = linked_copy(packed, tmp_path / "out")
    flip(own(out / "shard-0000" / name), 60)
    with pytest.raises(UserError, match=r"run: cli data pack"):
        scenes = open_scenes(out)
        read_channels(scenes, scenes.records[0], "fc", (5,))


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("records", [1, 3, 6])
def test_a_killed_pack_goes_on_and_ends_with_the_same_bytes(raw, packed, tmp_path, records, monkeypatch):
    out, read, seen = tmp_path / "out", packing._read, []

    def until_killed(item):
        seen.append(item)
        if len(seen) > records + 1:  # the first is read to estimate the time
            os._exit(9)
        return read(item)

    def run():
        monkeypatch.setattr(packing, "_read", until_killed)
        pack_into(out, [raw], frames=range(1, 9), jobs=1)

    assert exit_code(forked(run)) == 9
    with pytest.raises(UserError, match="is not packed to its end; run: cli data pack"):
        open_scenes(out).labelled  # noqa: B018
    heard = Heard()
    report = pack_into(out, [raw], frames=range(1, 9), listener=heard)
    assert report.reused < 7
    assert files_of(out) == files_of(packed)
    assert "records, ash colours of t1 t2 t3 t4 t5 t6 t7 t8" in heard.infos[0] or "record, ash" in heard.infos[0]
    assert pack_into(out, [raw], frames=range(1, 9)).reused == 7


def test_records_that_have_changed_are_packed_again(raw, packed, tmp_path):
    data, out = linked_copy(raw, tmp_path / "raw"), tmp_path / "out"
    pack_into(out, [data])
    path = own(data / "train" / "101" / "band_14.npy")
    np.save(path, np.load(path) - 1)
    heard = Heard()
    pack_into(out, [data], listener=heard)
    assert heard.notes == [f"{out}: 1 shard damaged or of records that have changed; packed again"]
    before, after = open_scenes(data), open_scenes(out)
    exact = read_channels(before, before.record("101"), "fc", (5,))
    assert np.abs(read_channels(after, after.record("101"), "fc", (5,)) - exact).max() < 1 / 509


def test_a_zip_file_and_an_object_store_give_the_bytes_of_the_folder(raw, packed, tmp_path):
    """Apart from what tells whether the files have changed."""
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    with zipfile.ZipFile(tmp_path / "raw.zip", "w", zipfile.ZIP_STORED) as file:
        for path in sorted(raw.rglob("*.*")):
            name = f"some/folder/{path.relative_to(raw)}"
            file.write(path, name)
            store.pipe_file(f"/bucket/{name}", path.read_bytes())
    expected = {name: digest for name, digest in files_of(packed).items() if name.endswith(".npy")}
    for place in (tmp_path / "raw.zip", Path("memory://bucket/some")):
        out = tmp_path / place.name
        pack_into(out.with_suffix(".out"), [place], frames=range(1, 9))
        found = files_of(out.with_suffix(".out"))
        assert expected.items() <= found.items()
        assert open_scenes(out.with_suffix(".out")).label_offset == 0
        assert pack_into(out.with_suffix(".out"), [place], frames=range(1, 9)).reused == 7


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as file:
        for each in sorted(folder.rglob("*.*")):
            file.write(each, f"download/{each.relative_to(folder)}")
    return path


def test_a_zip_file_of_ash_colour_scenes_gives_the_bytes_of_the_folder(ash, tmp_path):
    write_ash(tmp_path / "ash", "301", mask=9)
    (tmp_path / "ash" / "train_df.csv").write_text("record_id\n")
    pack_into(tmp_path / "folder", [tmp_path / "ash"])
    place = zipped(tmp_path / "ash", tmp_path / "ash.zip")
    pack_into(tmp_path / "zip", [place])
    expected = {name: digest for name, digest in files_of(tmp_path / "folder").items() if name.endswith(".npy")}
    assert expected.items() <= files_of(tmp_path / "zip").items()
    (record,) = open_scenes(tmp_path / "zip").labelled
    assert (record.id, record.clipped) == ("301", True)
    with pytest.raises(UserError, match=r"record 301 .ash.zip.: is an ash-colour image, and kelvins are to be packed"):
        pack_into(tmp_path / "other", [place], ("fc_unclipped",))
    with pytest.raises(UserError, match=r"record 301 .ash.zip.: has no band 08, which is to be packed"):
        pack_into(tmp_path / "other", [place], ("all_bands_min_max",))


def test_records_of_a_zip_file_may_have_no_mask_but_not_masks_alone(tmp_path):
    write_record(tmp_path / "raw", "train", "1", mask=None)
    write_record(tmp_path / "raw", "train", "2", mask=5)
    write_record(tmp_path / "raw", "test", "3")
    pack_into(tmp_path / "out", [zipped(tmp_path / "raw", tmp_path / "raw.zip")])
    scenes = open_scenes(tmp_path / "out")
    assert [record.id for record in scenes.labelled] == ["2"]
    assert [record.id for record in scenes.records] == ["3", "1", "2"]
    for band in (11, 14, 15):
        (tmp_path / "raw" / "train" / "2" / f"band_{band}.npy").unlink()
    with pytest.raises(UserError, match=r"record 2 .raw.zip.: has no band 11, which is to be packed"):
        pack_into(tmp_path / "other", [zipped(tmp_path / "raw", tmp_path / "raw.zip")])
    shutil.copytree(tmp_path / "raw", tmp_path / "both" / "a")
    shutil.copytree(tmp_path / "raw", tmp_path / "both" / "b")
    with pytest.raises(UserError, match="holds records in 2 places, download/a/ first; expected contrails"):
        pack_into(tmp_path / "other", [zipped(tmp_path / "both", tmp_path / "both.zip")])


def test_what_cannot_be_packed_is_refused_before_it_starts(raw, packed, ash, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match="record 200 .raw.: has no band 08, which is to be packed"):
        pack_into(out, [raw], ("all_bands_min_max",))
    with pytest.raises(UserError, match="record 300 .ash.: is an ash-colour image, and kelvins are to be packed"):
        pack_into(out, [ash], ("fc_unclipped",))
    with pytest.raises(UserError, match="is packed already"):
        pack_into(out, [packed])
    with pytest.raises(UsageError, match="holds records packed for something else"):
        pack_into(packed, [raw])
    with pytest.raises(UsageError, match="is not empty and holds no packed records"):
        pack_into(raw, [raw])
    with pytest.raises(UserError, match=r"nothing\.zip: no such file"):
        pack_into(out, [tmp_path / "nothing.zip"])
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(UserError, match=r"pipe\.zip: is a named pipe, not a file"):
        pack_into(out, [tmp_path / "pipe.zip"])
    with zipfile.ZipFile(tmp_path / "large.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train/1/band_11.npy", b"")
        file.writestr("source.toml", bytes(LARGEST_DOCUMENT + 1))
    with pytest.raises(UserError, match=r"large\.zip: source\.toml: unpacks to 67,108,865 bytes"):
        _ = open_origins([tmp_path / "large.zip"])[0].label_offset
    assert not out.exists()


def test_an_object_that_is_larger_than_any_file_of_a_record_is_not_fetched(raw, monkeypatch):
    monkeypatch.setattr("zoo.data.origins.LARGEST_DOCUMENT", 10)
    (store,) = open_origins([Path(f"file://{raw}")])
    with pytest.raises(UserError, match=r"source\.toml has more than the 10 bytes"):
        _ = store.label_offset


def test_a_disk_without_room_is_told_before_anything_is_packed(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(packing.shutil, "disk_usage", lambda path: os.terminal_size((1, 1)) and Free())
    with pytest.raises(UserError, match="7 records, ash colours of t5, 2 MB do not fit, 0 MB are free"):
        pack_into(tmp_path / "out", [raw])


class Free:
    free = 1000
