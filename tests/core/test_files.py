"""Atomic writes and readers that name what is torn."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from core.errors import UserError
from core.files import atomic_write, check_format, listed, read_json, sha256_of, write_json


def test_a_write_that_fails_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"half")
        _ = 1 / 0
    assert read_json(path) == {"a": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_takes_its_name_when_it_is_on_the_disk_and_then_the_name_is_put_there(tmp_path, monkeypatch):
    path, steps = tmp_path / "a.json", []

    def flush(handle):
        steps.append((stat.S_ISDIR(os.fstat(handle).st_mode), os.fstat(handle).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", flush)
    write_json(path, {"a": 1})
    (of_folder, size, named), (then_of_folder, _, then_named) = steps
    assert (of_folder, size, named) == (False, path.stat().st_size, False)
    assert (then_of_folder, then_named) == (True, True)


def test_a_full_disk_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="a.bin: cannot be written"), atomic_write(tmp_path / "a.bin"):
        raise OSError(28, "No space left on device")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/below"):
        write_json(tmp_path / "file" / "below" / "a.json", {})


def test_a_folder_that_another_command_removes_meanwhile_is_not_listed(tmp_path, monkeypatch):
    for name in ("a/1", "b/2"):
        (tmp_path / name).mkdir(parents=True)
    scandir = os.scandir

    def removed_by_another(path="."):
        if isinstance(path, str | Path) and Path(path) == tmp_path / "b":
            monkeypatch.undo()
            shutil.rmtree(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", removed_by_another)
    assert listed(tmp_path, "*/*") == [tmp_path / "a" / "1"]
    assert listed(tmp_path / "none", "*") == []


def test_nan_is_no_json(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_torn_file_is_named(tmp_path, content):
    path = tmp_path / "torn.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"torn\.json: is not readable JSON"):
        read_json(path)


@pytest.mark.parametrize(
    ("document", "word"), [({"format": 2}, "format 2"), ({}, "no format number"), ([], "no format")]
)
def test_a_newer_format_is_refused_by_name(tmp_path, document, word):
    with pytest.raises(UserError, match=word):
        check_format(document, 1, tmp_path / "a.json")


def test_a_hash_does_not_depend_on_the_order_of_keys():
    assert sha256_of({"a": 1, "b": [2]}) == sha256_of({"b": [2], "a": 1})
    assert sha256_of({"a": 1}) != sha256_of({"a": 2})
