"""Writing: complete or to be gone on with, never in between."""

import multiprocessing
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.errors import UserError
from core.locks import lock_of
from tests.forks import Holding, exit_code, forked
from tests.heard import Heard
from tests.zoo.predictions.cases import bytes_of, decode_all, ids, map_of, maps_of, provenance, write_set
from zoo.predictions import PredictionSet, PredictionWriter
from zoo.predictions.format import MANIFEST
from zoo.predictions.writer import PARTIAL, quantise


class Killed(Exception):
    pass


def write_until(folder: Path, record_ids: list[str], stop: int | None, salt: int = 0) -> list[str]:
    """Add what is missing, and fail after `stop` records; gives what was missing."""
    with PredictionWriter(folder, provenance(), record_ids) as writer:
        missing = list(writer.missing)
        for number, record_id in enumerate(missing):
            if number == stop:
                raise Killed
            writer.add(record_id, map_of(record_id, salt))
    return missing


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_until(folder, ids(150), None)
    return bytes_of(folder)


@settings(max_examples=12)
@given(stops=st.lists(st.integers(0, 149), max_size=3))
def test_a_killed_write_gone_on_with_gives_the_bytes_of_an_undisturbed_one(stops, undisturbed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    for stop in stops:
        try:
            write_until(folder, ids(150), stop)
        except Killed:
            assert not (folder / MANIFEST).exists()
    write_until(folder, ids(150), None)
    assert bytes_of(folder) == undisturbed


def test_a_process_that_dies_leaves_what_it_had_finished(tmp_path, undisturbed):
    def write_and_die() -> None:
        with PredictionWriter(tmp_path, provenance(), ids(150)) as writer:
            for record_id in ids(140):
                writer.add(record_id, map_of(record_id))
            os._exit(9)

    assert exit_code(forked(write_and_die)) == 9
    assert write_until(tmp_path, ids(150), None) == ids(22, 128)
    assert bytes_of(tmp_path) == undisturbed


def test_a_set_that_another_process_writes_is_waited_for_and_not_made_again(tmp_path, undisturbed):
    folder, waits = tmp_path / "none", multiprocessing.Event()

    def write_once_the_other_waits():
        with PredictionWriter(folder, provenance(), ids(150)) as writer:
            works.set()
            assert waits.wait(20)
            for record_id in ids(150):
                writer.add(record_id, map_of(record_id))

    class Telling(Heard):
        def info(self, text, do=None):
            super().info(text, do)
            waits.set()

    works, heard = multiprocessing.Event(), Telling()
    child = forked(write_once_the_other_waits)
    assert works.wait(20)
    with PredictionWriter(folder, provenance(), ids(150), listener=heard) as writer:
        assert writer.missing == ()
    assert exit_code(child) == 0
    (line,) = heard.infos
    assert re.match(rf"{folder}: is being predicted by .*process {child} .*; waiting until it ends", line)
    assert bytes_of(folder) == undisturbed
    other = Holding(folder)
    assert write_until(folder, ids(150), None) == []  # a complete set needs no claim
    assert lock_of(folder).exists(), "and waits for none"
    other.end()


def test_a_complete_set_is_left_as_it_is(tmp_path, undisturbed):
    write_until(tmp_path, ids(150), None)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert write_until(tmp_path, ids(150), None) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def flip(path: Path) -> None:
    torn = bytearray(path.read_bytes())
    torn[len(torn) // 2] ^= 4
    path.write_bytes(torn)


TEARS = {
    "flipped bit": flip,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": Path.unlink,
    "another's": lambda path: path.write_bytes(path.with_name("shard-0000.zst").read_bytes()),
}


@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS.keys())
@pytest.mark.parametrize("complete", [True, False])
def test_a_torn_shard_is_noticed_and_made_again(tmp_path, undisturbed, tear, complete):
    if complete:
        write_until(tmp_path, ids(150), None)
    else:
        with pytest.raises(Killed):
            write_until(tmp_path, ids(150), 140)
    tear(tmp_path / "shard-0001.zst")
    missing = write_until(tmp_path, ids(150), None)
    assert missing[:64] == ids(64, 64)
    assert bytes_of(tmp_path) == undisturbed


@pytest.mark.parametrize("name", [MANIFEST, PARTIAL])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "identity": 3}'])
def test_a_torn_note_costs_a_new_prediction_and_no_more(tmp_path, undisturbed, name, text):
    with pytest.raises(Killed):
        write_until(tmp_path, ids(150), 140)
    (tmp_path / PARTIAL).unlink()
    (tmp_path / name).write_text(text)
    assert write_until(tmp_path, ids(150), None) == ids(150)
    assert bytes_of(tmp_path) == undisturbed


def test_a_set_of_a_newer_format_is_not_replaced(tmp_path):
    (tmp_path / MANIFEST).write_text('{"format": 2}')
    with pytest.raises(UserError, match="has format 2"):
        PredictionWriter(tmp_path, provenance(), ids(3))


def test_temporary_files_of_others_are_left_alone(tmp_path, undisturbed):
    (tmp_path / ".shard-0001.zst.abc.tmp").write_bytes(b"half")
    write_until(tmp_path, ids(150), None)
    assert {name: blob for name, blob in bytes_of(tmp_path).items() if name[0] != "."} == undisturbed
    decode_all(PredictionSet.open(tmp_path))


@pytest.mark.parametrize("change", [{"checkpoint_sha256": "c1"}, {"code": "9"}, {"folds_sha256": "f1"}])
def test_shards_of_another_provenance_are_never_taken_over(tmp_path, change):
    write_until(tmp_path, ids(150), None)
    with PredictionWriter(tmp_path, provenance(**change), ids(70)) as writer:
        assert list(writer.missing) == ids(70)
        for record_id in ids(70):
            writer.add(record_id, map_of(record_id, 1))
    found = PredictionSet.open(tmp_path)
    assert_array_equal(found.maps(ids(70)), maps_of(ids(70), 1))
    assert sorted(bytes_of(tmp_path)) == [MANIFEST, "shard-0000.zst", "shard-0001.zst"]


def test_the_old_set_stays_until_the_first_new_shard_is_ready(tmp_path, undisturbed):
    write_until(tmp_path, ids(150), None)
    with pytest.raises(Killed), PredictionWriter(tmp_path, provenance(code="9"), ids(150)) as writer:
        writer.add(ids(1)[0], map_of(ids(1)[0]))
        raise Killed
    assert bytes_of(tmp_path) == undisturbed


def test_records_may_come_in_any_order(tmp_path, undisturbed, rng):
    with PredictionWriter(tmp_path, provenance(), ids(150)) as writer:
        for record_id in rng.permutation(ids(150)).tolist():
            writer.add(record_id, map_of(record_id))
    assert bytes_of(tmp_path) == undisturbed


def test_an_end_with_records_missing_is_refused_by_name(tmp_path):
    with (
        pytest.raises(UserError, match=f"2 of 3 records were not added, the first is {ids(2)[1]}"),
        PredictionWriter(tmp_path, provenance(), ids(3)) as writer,
    ):
        writer.add(ids(1)[0], map_of(ids(1)[0]))
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize(
    "array, word",
    [
        (np.full((256, 256), np.nan, np.float32), "nan"),
        (np.full((256, 256), 1.001, np.float32), "reaches from"),
        (np.full((256, 256), -1e-6), "reaches from"),
        (np.full((256, 256), np.inf), "inf"),
        (np.zeros((128, 128), np.float32), "shape"),
        (np.zeros((1, 256, 256), np.float32), "shape"),
        (np.zeros((256, 256), np.int64), "int64"),
        (np.zeros((256, 256), bool), "bool"),
        (np.zeros((256, 256), np.uint16), "uint16"),
    ],
)
def test_what_is_no_probability_is_refused_with_its_record(tmp_path, array, word):
    with PredictionWriter(tmp_path, provenance(), ids(1)) as writer:
        with pytest.raises(UserError, match=f"record {ids(1)[0]}: .*{word}"):
            writer.add(ids(1)[0], array)
        writer.add(ids(1)[0], map_of(ids(1)[0]))


def test_a_record_is_refused_where_it_does_not_belong_or_comes_twice(tmp_path):
    with pytest.raises(Killed), PredictionWriter(tmp_path, provenance(), ids(3)) as writer:
        writer.add(ids(1)[0], map_of(ids(1)[0]))
        with pytest.raises(UserError, match="was added already"):
            writer.add(ids(1)[0], map_of(ids(1)[0]))
        with pytest.raises(UserError, match="not of this prediction set"):
            writer.add("5", map_of("005"))
        raise Killed


@pytest.mark.parametrize("record_ids", [[1, 2], ["a", "a"], [""]])
def test_ids_are_strings_and_no_two_are_alike(tmp_path, record_ids):
    with pytest.raises(UserError, match="record"):
        PredictionWriter(tmp_path, provenance(), record_ids)


@given(st.integers(0, 255))
def test_every_level_survives_the_way_through_a_probability(value):
    probability = np.full((256, 256), value / 255)
    for kind in (np.float32, np.float64):
        assert (quantise(probability.astype(kind), "") == value).all()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_probability_is_rounded_to_the_nearest_level(rng, kind):
    probability = rng.random((256, 256)).astype(kind)
    error = np.abs(quantise(probability, "") / 255 - probability.astype(np.float64))
    assert error.max() <= 0.5 / 255 + 1e-7


def test_the_measured_seconds_may_come_at_the_end(tmp_path):
    with PredictionWriter(tmp_path, provenance(seconds_per_record=None), ids(1)) as writer:
        writer.add(ids(1)[0], map_of(ids(1)[0]))
        writer.seconds_per_record = 0.25
    assert PredictionSet.open(tmp_path).provenance.seconds_per_record == 0.25


def test_a_set_without_records_is_a_set(tmp_path):
    assert write_set(tmp_path, []).maps([]).shape == (0, 256, 256)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        PredictionWriter(tmp_path / "file" / "set", provenance(), ids(1))
