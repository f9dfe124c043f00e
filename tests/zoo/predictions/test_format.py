"""The bytes on the disk: what goes in comes out, and nothing else does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from core.errors import UserError
from core.files import sha256_of
from tests.flips import flipped
from tests.zoo.predictions.cases import ids, maps_of, provenance, write_set
from zoo.predictions.format import MANIFEST, decode_shard, encode_shard, read_manifest, set_folder, zstd
from zoo.runs import Store

SHARD = Path("shard-0000.zst")
REAL_RUNS = Path(__file__).parents[2] / "fixtures" / "real_runs"


@st.composite
def some_maps(draw: st.DrawFn) -> np.ndarray:
    """A few maps: tiles of anything, repeated over the 256 x 256."""
    tile = draw(arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(8), st.just(8))))
    return np.tile(tile, (1, 32, 32))


@given(some_maps())
def test_a_shard_gives_back_what_went_in(maps):
    decoded = decode_shard(encode_shard(maps), len(maps), SHARD)
    assert_array_equal(decoded, maps)
    assert decoded.dtype == maps.dtype


@given(some_maps(), st.data())
def test_a_cut_off_shard_is_refused(maps, data):
    blob = encode_shard(maps)
    cut = data.draw(st.integers(0, len(blob) - 1))
    with pytest.raises(UserError, match=r"shard-0000\.zst"):
        decode_shard(blob[:cut], len(maps), SHARD)


@given(some_maps(), st.binary(min_size=1, max_size=100))
def test_bytes_after_the_frame_are_refused(maps, more):
    with pytest.raises(UserError, match="follow its end"):
        decode_shard(encode_shard(maps) + more, len(maps), SHARD)


def test_a_second_frame_after_the_first_is_refused():
    maps = maps_of(ids(2))
    with pytest.raises(UserError, match="follow its end"):
        decode_shard(encode_shard(maps) + encode_shard(maps), 2, SHARD)


def test_a_shard_of_another_length_is_refused_before_it_is_decoded():
    blob = encode_shard(maps_of(ids(3)))
    with pytest.raises(UserError, match="does not fit 4 maps"):
        decode_shard(blob, 4, SHARD)


def test_a_shard_without_a_checksum_is_refused():
    blob = zstd.compress(maps_of(ids(2)).tobytes(), 3)
    with pytest.raises(UserError, match="header"):
        decode_shard(blob, 2, SHARD)


def test_shards_written_by_the_zstandard_package_are_read_and_written_alike():
    """The real runs' shards were made with zstandard 0.25; another libzstd may pack a little better or worse."""
    for manifest in sorted(REAL_RUNS.glob("predictions/**/manifest.json")):
        for shard in read_manifest(manifest.parent).shards:
            blob = (manifest.parent / shard.file).read_bytes()
            again = encode_shard(decode_shard(blob, shard.records, SHARD))
            assert again[:9] == blob[:9]  # magic, flags and length
            assert len(again) == pytest.approx(len(blob), rel=0.02)


def test_a_frame_with_a_wider_window_than_its_content_is_refused():
    maps = np.zeros((1, 256, 256), np.uint8)
    blob = bytearray(encode_shard(maps))
    blob[4] &= ~0b100000  # no single segment any more: the window has a byte of its own
    blob.insert(5, 20 << 3)  # 2**30 bytes
    with pytest.raises(UserError, match="damaged"):
        decode_shard(bytes(blob), 1, SHARD)


def test_a_flipped_bit_is_caught_by_the_frame_alone_in_every_region():
    maps = maps_of(ids(3))
    blob = encode_shard(maps)
    silent = 0
    places = sorted({*range(32), *range(32, len(blob), 41), *range(len(blob) - 16, len(blob))})
    for torn in flipped(blob, (8 * place + bit for place in places for bit in range(8))):
        try:
            decoded = decode_shard(torn, 3, SHARD)
        except UserError:
            continue
        silent += not np.array_equal(decoded, maps)
    assert silent == 0


def test_any_flipped_bit_of_the_manifest_is_caught(tmp_path):
    folder = write_set(tmp_path, ids(3)).folder
    path = folder / MANIFEST
    whole = path.read_bytes()
    for torn in flipped(whole, (8 * place + place % 8 for place in range(len(whole)))):
        path.write_bytes(torn)
        with pytest.raises(UserError, match=MANIFEST):
            read_manifest(folder)


def test_a_cut_off_manifest_is_caught(tmp_path):
    folder = write_set(tmp_path, ids(3)).folder
    path = folder / MANIFEST
    whole = path.read_bytes()
    for end in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError, match=MANIFEST):
            read_manifest(folder)


def edit(path: Path, change) -> None:
    """Change a manifest as a hand would that also knows about its hash."""
    document = json.loads(path.read_text())
    document.pop("sha256")
    change(document)
    path.write_text(json.dumps(document | {"sha256": sha256_of(document)}))


CHANGES = {
    "ids that are numbers": lambda d: d.update(record_ids=[int(name) for name in d["record_ids"]]),
    "an id twice": lambda d: d.update(record_ids=[d["record_ids"][0]] * 3),
    "one id too few": lambda d: d["record_ids"].pop(),
    "another count": lambda d: d["shards"][0].update(records=4),
    "another shape": lambda d: d.update(shape=[128, 128]),
    "another scale": lambda d: d.update(scale=100),
    "another dtype": lambda d: d.update(dtype="uint16"),
    "no shards": lambda d: d.pop("shards"),
    "a member that leaves its folder": lambda d: d["provenance"].update(member="../x"),
    "an unknown key": lambda d: d.update(more=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path, change):
    folder = write_set(tmp_path, ids(3)).folder
    edit(folder / MANIFEST, change)
    words = (
        r"is damaged|record_ids\[0\] is 1|dtype is 'uint16'|the document lacks shards|the document has the key 'more'"
    )
    with pytest.raises(UserError, match=rf"manifest\.json: ({words})"):
        read_manifest(folder)


def test_a_newer_format_is_refused_by_name(tmp_path):
    folder = write_set(tmp_path, ids(3)).folder
    edit(folder / MANIFEST, lambda document: document.update(format=2))
    with pytest.raises(UserError, match=r"manifest\.json: has format 2, this version reads up to 1"):
        read_manifest(folder)


def test_the_manifest_says_everything_that_is_needed_to_trust_it(tmp_path):
    folder = write_set(tmp_path, ids(70)).folder
    document = json.loads((folder / MANIFEST).read_text())
    assert document["record_ids"] == ids(70)
    assert document["shape"] == [256, 256]
    assert (document["dtype"], document["scale"], document["format"]) == ("uint8", 255, 1)
    assert [shard["records"] for shard in document["shards"]] == [64, 6]
    assert document["provenance"]["checkpoint_sha256"] == "c0"


def test_the_digest_does_not_know_how_long_it_took(tmp_path):
    first = write_set(tmp_path / "a", ids(3), seconds_per_record=1.0)
    second = write_set(tmp_path / "b", ids(3), seconds_per_record=2.0)
    other = write_set(tmp_path / "c", ids(3), checkpoint_sha256="c1")
    assert first.manifest.digest == second.manifest.digest != other.manifest.digest


@pytest.mark.parametrize(
    "key, value",
    [
        ("member", "a/b"),
        ("member", ".."),
        ("fold", "one"),
        ("seed", -1),
        ("tta", ""),
        ("split", None),
        ("seconds_per_record", float("nan")),
    ],
)
def test_a_provenance_that_is_no_path_or_no_number_is_refused(key, value):
    with pytest.raises(UserError, match=key):
        provenance(**{key: value})


def test_the_folder_names_member_recipe_split_run_and_tta():
    made = provenance(fold="3", seed=11, tta="flips")
    expected = Path("runs/predictions/lite0-fc-t5/abc123/oof/fold-3-seed-11/flips")
    assert set_folder(Store(Path("runs")), made) == expected


def test_the_cache_loads_without_torch():
    probe = "import zoo.predictions, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
