"""Zip files are read within limits, or refused in one line."""

import os
import struct
import zipfile
from pathlib import Path

import pytest

from core.archives import open_zip, read_member
from core.errors import Damaged, UserError

MANY = 50 << 20  # bytes


def packed(path: Path, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", data)
    return path


def claiming(path: Path, size: int) -> Path:
    """The same file, which states another size of its member."""
    data = path.read_bytes()
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = data.index(signature) + at
        data = data[:start] + struct.pack("<I", size) + data[start + 4 :]
    path.write_bytes(data)
    return path


def test_a_member_is_unpacked(tmp_path):
    with open_zip(packed(tmp_path / "a.zip", b"abc" * 1000)) as archive:
        assert read_member(archive, "a.npy", 3000) == b"abc" * 1000
        with pytest.raises(KeyError):
            read_member(archive, "b.npy", 10)


@pytest.mark.parametrize("size", [3, 100])
def test_a_member_of_another_size_than_it_states_is_damaged(tmp_path, size):
    path = claiming(packed(tmp_path / "a.zip", b"x" * 50), size)
    with open_zip(path) as archive, pytest.raises(Damaged, match=r"a\.zip: a\.npy: "):
        read_member(archive, "a.npy", 1000)


def test_a_member_that_states_a_small_size_takes_little_memory(tmp_path):
    """zipfile's own `read` unpacks everything before it looks at the size."""
    tracemalloc = pytest.importorskip("tracemalloc")
    path = claiming(packed(tmp_path / "a.zip", bytes(MANY)), 10)
    tracemalloc.start()
    try:
        with open_zip(path) as archive, pytest.raises(Damaged):
            read_member(archive, "a.npy", 1000)
        assert tracemalloc.get_traced_memory()[1] < MANY / 10
    finally:
        tracemalloc.stop()


def test_a_large_member_is_not_unpacked(tmp_path):
    path, words = packed(tmp_path / "a.zip", bytes(1001)), "unpacks to 1,001 bytes, more than the 1,000"
    with open_zip(path) as archive, pytest.raises(Damaged, match=words):
        read_member(archive, "a.npy", 1000)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit_are_refused(tmp_path, method):
    path = packed(tmp_path / "a.zip", b"abc", method)
    with open_zip(path) as archive, pytest.raises(Damaged, match="another method than deflate"):
        read_member(archive, "a.npy", 1000)


def flag(data: bytes, bits: int) -> bytes:
    """The same zip file with other flags of its member."""
    for signature, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = data.index(signature) + at
        data = data[:start] + struct.pack("<H", bits) + data[start + 2 :]
    return data


def test_encrypted_and_patched_members_are_damaged(tmp_path):
    whole = packed(tmp_path / "a.zip", b"abc").read_bytes()
    for bits, words in ((1, "encrypted"), (0x20, "patched")):
        (tmp_path / "a.zip").write_bytes(flag(whole, bits))
        with open_zip(tmp_path / "a.zip") as archive, pytest.raises(Damaged, match=words):
            read_member(archive, "a.npy", 1000)


def central(data: bytes, at: int, value: bytes) -> bytes:
    """The same zip file with other bytes at a place of the entry in its directory."""
    start = data.index(b"PK\x01\x02") + at
    return data[:start] + value + data[start + len(value) :]


BROKEN = {
    "cut off": lambda data: data[:-5],
    "no UTF-8": lambda data: central(central(data, 9, b"\x08"), 46, b"\x81"),
    "of a later version": lambda data: central(data, 6, b"\xff"),
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_what_is_no_zip_file_is_damaged(tmp_path, change):
    path = packed(tmp_path / "a.zip", b"abc")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Damaged, match=r"a\.zip: is not a readable zip file"):
        open_zip(path)


def test_a_pipe_and_a_missing_file_are_no_zip_files(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    for name in ("a.zip", "b.zip"):
        with pytest.raises(UserError, match=name):
            open_zip(tmp_path / name)
