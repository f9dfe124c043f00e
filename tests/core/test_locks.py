"""A claim is held by one command at a time, tells who that is, and is free once it has ended, however it ended."""

import errno
import fcntl
import multiprocessing
import os
import re

import pytest

from core import locks
from core.errors import UserError
from core.locks import Claimed, claim, lock_of, locked, sweep_lock
from tests.forks import Holding, exit_code, forked

WORKERS = 6
ROUNDS = 5


@pytest.fixture
def without_locks(monkeypatch):
    """A file system that has no locks."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(locks, "LEASE", 0.3)


@pytest.fixture(params=["locks", "leases"])
def file_system(request):
    """A file system with locks, and one without."""
    if request.param == "leases":
        request.getfixturevalue("without_locks")


def test_the_loser_is_told_who_holds_the_claim_and_what_to_do(tmp_path, file_system, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/cli", "zoo", "train", "--set", "a b"])
    other = Holding(tmp_path / "fold-0", "is being trained")
    with pytest.raises(Claimed) as error, claim(tmp_path / "fold-0", "is being trained"):
        pass
    who = (
        rf"`cli zoo train --set 'a b'` \(process {other.process} on {re.escape(os.uname().nodename)}, since 20..-..-..T"
    )
    assert re.match(rf"{tmp_path}/fold-0: is being trained by {who}", str(error.value))
    assert "wait until it ends or stop it" in str(error.value) and error.value.exit_code == 1
    with claim(tmp_path / "fold-1"):  # another path is free
        pass
    other.end()
    with claim(tmp_path / "fold-0"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_killed_holder_blocks_nobody(tmp_path, file_system):
    Holding(tmp_path / "a").kill()
    assert os.listdir(tmp_path) != []
    with claim(tmp_path / "a"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_command_without_anything_to_write_sweeps_the_lock_of_a_killed_one(tmp_path, file_system):
    sweep_lock(tmp_path / "a")
    other = Holding(tmp_path / "a")
    sweep_lock(tmp_path / "a")
    assert lock_of(tmp_path / "a").exists()
    other.kill()
    sweep_lock(tmp_path / "a")
    assert os.listdir(tmp_path) == []


def test_a_lease_of_another_machine_lapses_without_a_sign_of_life(tmp_path, without_locks):
    Holding(tmp_path / "a").kill()
    marker = tmp_path / ".a.lease"
    marker.write_text(re.sub("host=.*", "host=elsewhere", marker.read_text()))
    with claim(tmp_path / "a"):
        assert "host=elsewhere" not in marker.read_text()


def test_a_lease_that_lapsed_under_its_holder_is_an_error(tmp_path, without_locks):
    with pytest.raises(UserError, match="a: its claim lapsed"), claim(tmp_path / "a"):
        (tmp_path / ".a.lease").unlink()  # as another command does after the lapse


def test_a_claim_is_free_after_a_failure_and_leaves_no_folder(tmp_path, file_system):
    for _ in range(2):
        with pytest.raises(KeyError), claim(tmp_path / "new" / "folders" / "a"):
            raise KeyError
        assert os.listdir(tmp_path) == []
    with claim(tmp_path / "new" / "a"):
        (tmp_path / "new" / "b").touch()
    assert os.listdir(tmp_path / "new") == ["b"]


def test_a_part_of_a_work_may_claim_what_the_whole_holds(tmp_path, file_system):
    with claim(tmp_path / "a"):
        with claim(tmp_path / "a"):
            pass
        child = forked(lambda: claim(tmp_path / "a").__enter__())
        assert exit_code(child) == 1  # the inner block has freed nothing


def test_a_path_is_the_same_by_another_way_to_its_folder(tmp_path, file_system):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    other = Holding(tmp_path / "folder" / "a")
    with pytest.raises(Claimed), claim(tmp_path / "link" / "a"):
        pass
    other.end()


def test_short_writes_take_turns(tmp_path, file_system):
    """A counter that is read and written by many processes loses no count."""
    counter, barrier = tmp_path / "counter", multiprocessing.Barrier(WORKERS)
    counter.write_text("0")

    def count() -> None:
        barrier.wait()
        for _ in range(ROUNDS):
            with locked(counter):
                counter.write_text(str(int(counter.read_text()) + 1))

    children = [forked(count) for _ in range(WORKERS)]
    assert [exit_code(child) for child in children] == [0] * WORKERS
    assert counter.read_text() == str(WORKERS * ROUNDS)
    assert os.listdir(tmp_path) == ["counter"]


def test_a_wait_ends_with_the_name_of_the_holder(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT", 0.05)
    other = Holding(tmp_path / "a")
    with pytest.raises(Claimed, match=f"process {other.process} "), locked(tmp_path / "a"):
        pass
    other.end()


def test_a_lock_that_cannot_be_made_is_a_user_error(tmp_path):
    (tmp_path / ".a.lock").mkdir()
    with pytest.raises(UserError, match="a: cannot be locked"), claim(tmp_path / "a"):
        pass
