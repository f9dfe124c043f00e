"""What is written goes where it was asked: only a regular file is replaced, and only what is ours is removed."""

import os
import socket
from pathlib import Path

import pytest

from core.errors import UserError
from core.files import atomic_write, require_new_file, sweep, temporary_folder, write_text
from core.locks import claim


def _socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # a longer path is too long for a socket


MAKE = {
    "a named pipe": os.mkfifo,
    "a symbolic link": lambda path: path.symlink_to(path.with_name("target")),
    "a folder": lambda path: path.mkdir(),
    "a socket": _socket,
}


@pytest.mark.parametrize("kind", MAKE)
def test_what_is_no_file_is_never_replaced(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "out.csv"
    (tmp_path / "target").write_text("mine")
    MAKE[kind](path)
    before = os.lstat(path)
    with pytest.raises(UserError, match=rf"out\.csv: is {kind}"):
        require_new_file(path, force=True)
    with pytest.raises(UserError, match=rf"out\.csv: is {kind}"):
        write_text(path, "new")
    assert os.lstat(path).st_ino == before.st_ino
    assert (tmp_path / "target").read_text() == "mine"


def test_a_device_is_never_replaced():
    with pytest.raises(UserError, match="/dev/null: is a device"):
        require_new_file(Path("/dev/null"), force=True)


def test_a_check_that_fails_replaces_nothing(tmp_path):
    path = tmp_path / "a"
    write_text(path, "old")

    def refuse(candidate):
        assert candidate.read_text() == "new"
        raise UserError("no")

    with pytest.raises(UserError, match="no"), atomic_write(path, refuse) as file:
        file.write(b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_what_a_killed_write_left_is_swept_and_what_is_written_stays(tmp_path):
    names = [".a.abcd0123.tmp", ".b.abcd0123.tmp", ".a.tmp", "a.abcd0123.tmp"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".a.dddd0123.tmp").mkdir()
    with atomic_write(tmp_path / "a") as file, temporary_folder(tmp_path / "a") as folder:
        sweep(tmp_path / "a")
        file.write(b"whole")
        assert folder.is_dir()
    assert (tmp_path / "a").read_text() == "whole"
    assert sorted(os.listdir(tmp_path)) == sorted(["a", *names[1:]])


def test_a_lock_that_is_not_ours_is_not_removed(tmp_path):
    (tmp_path / ".a.lock").write_text("the user's own")
    with pytest.raises(UserError, match=r"\.a\.lock: is not a lock of this suite"), claim(tmp_path / "a"):
        pass
    assert (tmp_path / ".a.lock").read_text() == "the user's own"
