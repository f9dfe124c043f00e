"""Claims: one writer at a time for a file or a folder, and the name of whoever writes it.

In: a path. Out: a context in which no other command, and no other thread, writes that path through a claim: a whole
read-check-write is one claim. Stays outside: the writing itself (`core.files`).

The claim on `NAME` is the lock of a hidden file `.NAME.lock` beside it, which tells its holder and is removed at the
end. The kernel frees the lock when its process ends, however that is. A file system without such locks has a lease
instead, `.NAME.lease`, which its holder renews and which lapses `LEASE` seconds after the holder is gone.
"""

import errno
import fcntl
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UserError
from core.files import make_folder
from core.listener import SILENT, Listener

if TYPE_CHECKING:
    from filelock import SoftFileLease

WAIT = 60.0  # seconds that a short write waits for another
LONG = 30 * 86400.0  # as long as it takes
LEASE = 30.0  # seconds without a sign of life after which a lease lapses
POLL = 0.01
UNNAMED = 1.0  # seconds in which a new holder has written its name
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
LONGEST = 200  # characters of a command that a message shows

# Process and thread of each claim held in this process: a part of a longer work may claim what the whole holds.
_held: dict[Path, tuple[int, int]] = {}


class Claimed(UserError):
    """Path that another command holds."""


@dataclass(frozen=True)
class Holder:
    """Command that holds a claim."""

    command: str
    pid: int
    host: str
    since: str  # ISO 8601, UTC

    @classmethod
    def this_process(cls) -> "Holder":
        """Holder that this process is from now on."""
        program = Path(sys.argv[0])
        name = program.parent.name if program.name == "__main__.py" else program.name
        command = shlex.join([name or "python", *sys.argv[1:]])
        return cls(command[:LONGEST], os.getpid(), os.uname().nodename, datetime.now(UTC).isoformat(timespec="seconds"))

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid} on {self.host}, since {self.since})"


@contextmanager
def claim(
    path: Path, doing: str = "is being written", wait: float = 0.0, listener: Listener = SILENT
) -> Iterator[None]:
    """Hold `path`, a file or a folder that need not exist, while the block runs; a thread may claim what it holds.

    doing: what its holder does to it, for the message of others. wait: seconds to wait for another holder, of whom the
    listener is told if that may take long.
    Raises Claimed if another holds it for longer, UserError if the lock cannot be made.
    """
    file = path.parent.resolve() / f".{path.name}.lock"
    owner = (os.getpid(), threading.get_ident())
    if _held.get(file) == owner:
        yield
        return
    with ExitStack() as stack:
        for folder in reversed((file.parent, *file.parent.parents)):
            if not folder.exists():
                stack.callback(_remove_empty, folder)
        try:
            holder = _acquire(file, 0.0 if wait > WAIT else wait, stack)
            if holder and wait > WAIT:
                listener.info(f"{path}: {doing} by {holder}; waits until it ends")
                holder = _acquire(file, wait, stack)
        except OSError as error:
            raise UserError(f"{path}: cannot be locked ({error.strerror or error}); choose another folder") from error
        if holder:
            raise Claimed(f"{path}: {doing} by {holder}; wait until it ends, or end it, then run this command again")
        _held[file] = owner
        stack.callback(_held.pop, file)
        yield


def turn(path: Path, doing: str, listener: Listener = SILENT) -> AbstractContextManager[None]:
    """Hold `path` for a long work that two commands need and one of them does: the other waits, however long."""
    return claim(path, doing, LONG, listener)


def locked(path: Path) -> AbstractContextManager[None]:
    """Hold `path` for a short read-check-write, which waits for others that write; raises what `claim` does."""
    return claim(path, wait=WAIT)


def _acquire(file: Path, wait: float, stack: ExitStack) -> Holder | str | None:
    """Enter the lock into the stack; returns whoever holds it after `wait` seconds, None once it is ours."""
    started = time.monotonic()
    while True:
        make_folder(file.parent)
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:  # another command has just removed the folder, which it had made for its claim
            continue
        with ExitStack() as attempt:
            attempt.callback(os.close, handle)
            is_free = _lock(handle)
            if is_free is None:
                return _lease(file, wait, stack)
            # Whoever held it before may have removed the file that was opened here.
            if is_free and _is_named(handle, file):
                _write_holder(handle)
                attempt.callback(file.unlink, missing_ok=True)
                stack.push(attempt.pop_all())
                return None
            holder = None if is_free else _read_holder(os.pread(handle, 1 << 16, 0))
        waited = time.monotonic() - started
        if not is_free and waited >= wait + (0.0 if holder else UNNAMED):
            return holder or "another command"
        time.sleep(0.0 if is_free else POLL)


def _lock(handle: int) -> bool | None:
    """Lock an open file: True if it was free, None where the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        raise
    return True


def _lease(file: Path, wait: float, stack: ExitStack) -> Holder | str | None:
    """Enter a lease into the stack, as `_acquire` does; a living holder is one that renews its lease."""
    from filelock import SoftFileLease, Timeout  # tens of milliseconds that no other command should pay

    marker = file.with_suffix(".lease")
    lease = SoftFileLease(marker, lease_duration=LEASE, thread_local=False)
    started, seen = time.monotonic(), _renewed(marker)

    def is_alive() -> bool:
        return time.monotonic() - started >= wait and _renewed(marker) not in (None, seen)

    try:
        lease.acquire(timeout=wait + 2 * LEASE, poll_interval=POLL, cancel_check=is_alive)
    except Timeout:
        with suppress(OSError):
            return _read_holder(file.read_bytes()) or "another command"
        return "another command"
    stack.callback(_end_lease, lease, file)
    with file.open("wb") as named:
        _write_holder(named.fileno())
    return None


def _end_lease(lease: "SoftFileLease", file: Path) -> None:
    """Release the lease; UserError if it lapsed in the meantime, as it does in a process that is suspended."""
    try:
        lapsed = str(lease.token) not in Path(lease.lock_file).read_text()
    except OSError:
        lapsed = True
    file.unlink(missing_ok=True)
    lease.release()
    if lapsed:
        name = file.with_name(file.name.removeprefix(".").removesuffix(".lock"))
        raise UserError(f"{name}: its claim lapsed, and another command may have written it; run this command again")


def _renewed(marker: Path) -> int | None:
    try:
        return marker.stat().st_mtime_ns
    except OSError:
        return None


def _is_named(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _write_holder(handle: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(Holder.this_process())).encode(), 0)


def _read_holder(data: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(data))
    except (ValueError, TypeError):
        return None
