"""Reading: what was written, or a refusal that names the file."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.errors import UserError
from tests.flips import flipped
from tests.zoo.predictions.cases import decode_all, ids, map_of, maps_of, provenance, write_set
from zoo.predictions import PredictionSet, PredictionWriter

MEBI = 2**20


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> PredictionSet:
    return write_set(tmp_path_factory.mktemp("stored"), ids(150))


@given(st.lists(st.sampled_from(ids(150)), max_size=6))
def test_any_records_come_in_the_order_asked_for(stored, wanted):
    expected = maps_of(wanted) if wanted else stored.maps([])
    assert_array_equal(stored.maps(wanted), expected)


def test_ids_stay_strings(tmp_path):
    """Read as numbers, these two would be one."""
    record_ids = ["007", "07"]
    with PredictionWriter(tmp_path, provenance(), record_ids) as writer:
        for value, record_id in enumerate(record_ids):
            writer.add(record_id, map_of("000") * 0 + value)
    found = PredictionSet.open(tmp_path)
    assert found.record_ids == ("007", "07")
    assert found.maps(["07", "007"])[:, 0, 0].tolist() == [1, 0]


def test_a_record_that_is_not_covered_is_named(stored):
    with pytest.raises(UserError, match="record 12 is not covered"):
        stored.maps([ids(1)[0], "12"])


def test_only_the_shards_that_are_asked_for_are_opened_and_each_once(stored, monkeypatch):
    opened = []
    decode = PredictionSet.decode
    monkeypatch.setattr(PredictionSet, "decode", lambda self, shard: opened.append(shard.file) or decode(self, shard))
    stored.maps([ids(150)[place] for place in (140, 3, 129, 2)])
    assert opened == ["shard-0000.zst", "shard-0002.zst"]


def test_memory_stays_within_a_few_shards(stored):
    """150 maps are 9.4 MiB, a shard is 4."""
    tracemalloc.start()
    decode_all(stored)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 14 * MEBI


def test_a_bit_flipped_anywhere_in_a_shard_is_caught(tmp_path):
    found = write_set(tmp_path, ids(3))
    path = found.folder / "shard-0000.zst"
    whole = path.read_bytes()
    places = {*range(24), *range(0, len(whole), 29), *range(len(whole) - 8, len(whole))}
    for torn in flipped(whole, (8 * place + place % 8 for place in places)):
        path.write_bytes(torn)
        with pytest.raises(UserError, match=r"shard-0000\.zst: is not the shard of the manifest"):
            found.maps(ids(1))


def swap(first: Path, second: Path) -> None:
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


TEARS = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "bytes after the end": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
    "swapped with another": lambda path: swap(path, path.with_name("shard-0000.zst")),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS.keys())
def test_a_shard_that_is_not_as_written_is_refused_by_name(tmp_path, tear):
    found = write_set(tmp_path, ids(130))
    tear(found.folder / "shard-0001.zst")
    with pytest.raises(UserError, match=r"shard-0001\.zst: .*predict this set again"):
        found.maps(ids(1, 64))


def test_a_folder_without_a_manifest_is_no_set(tmp_path):
    with pytest.raises(UserError, match="holds no complete prediction set"):
        PredictionSet.open(tmp_path)
