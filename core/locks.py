"""Claims: one writer at a time for a file or a folder, and who that writer is.

In: a path. Out: a context manager that keeps other commands and threads from claiming the path; a claim spans a whole
read-check-write. Stays outside: the writing itself (`core.files`).

The claim on `NAME` is a lock on the hidden file `.NAME.lock` beside it, which names its holder and is removed at the
end. The kernel releases the lock when the process ends, also if it is killed. On a file system without locks, it is a
lease `.NAME.lease`, which the holder renews and which expires `LEASE` seconds after the holder is gone.
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
from core.files import make_folder, open_regular, parse_json, sweep, write_text
from core.listener import SILENT, Listener
from core.schema import fit

if TYPE_CHECKING:
    from filelock import SoftFileLease

WAIT = 60.0  # seconds that a short write waits for another
LONG = 30 * 86400.0  # as long as it takes
LEASE = 30.0  # seconds after which a lease expires unless it is renewed
POLL = 0.01
UNNAMED = 1.0  # seconds within which a new holder writes its name
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
LONGEST = 200  # characters of a command that a message shows

# Process and thread of each claim held in this process: a part of a longer work may claim what the whole holds.
_held: dict[Path, tuple[int, int]] = {}


class Claimed(UserError):
    """Path that is claimed by another command."""


@dataclass(frozen=True)
class Holder:
    """Command that holds a claim."""

    command: str
    pid: int
    host: str
    since: str  # ISO 8601, UTC

    @classmethod
    def this_process(cls) -> "Holder":
        """This process as a holder, since now."""
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
    """Claim `path`, a file or a folder that need not exist, while the block runs; reentrant within a thread.

    doing: what the holder does, for the error of other commands. wait: seconds to wait for another holder; the listener
    is informed of a wait longer than `WAIT`.
    Raises Claimed if the path is still held after that, UserError if the lock cannot be created.
    """
    file = lock_of(path)
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
                listener.info(f"{path}: {doing} by {holder}; waiting until it ends")
                holder = _acquire(file, wait, stack)
        except OSError as error:
            raise UserError(f"{path}: cannot be locked ({error.strerror or error}); choose another folder") from error
        if holder:
            raise Claimed(f"{path}: {doing} by {holder}; wait until it ends or stop it, then run this command again")
        _held[file] = owner
        stack.callback(_held.pop, file)
        sweep(path)
        yield


def lock_of(path: Path) -> Path:
    """Lock file of `path`: it is there while the path is claimed, and after a kill until the next claim."""
    return path.parent.resolve() / f".{path.name}.lock"


def turn(path: Path, doing: str, listener: Listener = SILENT) -> AbstractContextManager[None]:
    """Claim `path` for a long task whose result other commands need too: they wait until it ends."""
    return claim(path, doing, LONG, listener)


def locked(path: Path) -> AbstractContextManager[None]:
    """Claim `path` for a short read-check-write, after waiting for other writers; raises as `claim`."""
    return claim(path, wait=WAIT)


def refuse_claimed(path: Path, doing: str) -> None:
    """Raise Claimed if another command holds the claim on `path`."""
    if lock_of(path).exists():
        with claim(path, doing):
            pass


def sweep_lock(path: Path) -> None:
    """Remove the lock that a killed command left on `path`, for commands that find their result there."""
    if lock_of(path).exists():
        with suppress(UserError), claim(path):  # held, or in a folder that cannot be written: nothing to remove
            pass


def write_output(path: Path, text: str) -> None:
    """Write a text that a user asked for: as `write_text`, and what a killed command left of it is removed."""
    with locked(path):
        write_text(path, text)


def _acquire(file: Path, wait: float, stack: ExitStack) -> Holder | str | None:
    """Push the lock on the stack and return None, or return its holder after `wait` seconds."""
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
                _refuse_foreign(handle, file)
                _write_holder(handle)
                attempt.callback(_remove_named, handle, file)
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
    """Push a lease on the stack, as `_acquire` does; a holder is alive if it renews its lease."""
    from filelock import SoftFileLease, Timeout  # tens of milliseconds that no other command should pay

    marker = file.with_suffix(".lease")
    lease = SoftFileLease(marker, lease_duration=LEASE, thread_local=False)
    started, seen = time.monotonic(), _renewed(marker)

    def is_alive() -> bool:
        return time.monotonic() - started >= wait and _renewed(marker) not in (None, seen)

    try:
        lease.acquire(timeout=wait + 2 * LEASE, poll_interval=POLL, cancel_check=is_alive)
    except Timeout:
        with suppress(OSError), open_regular(file) as named:
            return _read_holder(named.read(1 << 16)) or "another command"
        return "another command"
    stack.callback(_end_lease, lease, file)
    with file.open("wb") as named:
        _write_holder(named.fileno())
    return None


def _end_lease(lease: "SoftFileLease", file: Path) -> None:
    """Release the lease; UserError if it expired in the meantime, as in a suspended process."""
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


def _remove_named(handle: int, file: Path) -> None:
    """Remove a lock; where its folder was moved away, another command may have made a new one."""
    if _is_named(handle, file):
        file.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _refuse_foreign(handle: int, file: Path) -> None:
    """Raise UserError for a file that no claim has written: it would be emptied, and removed."""
    data = os.pread(handle, 1 << 16, 0)
    if data and not b'{"command": '.startswith(data[:12]):
        raise UserError(f"{file}: is not a lock of this suite; move it away")


def _write_holder(handle: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(Holder.this_process())).encode(), 0)


def _read_holder(data: bytes) -> Holder | None:
    try:
        return fit(parse_json(data, "a lock"), Holder, "a lock")
    except UserError:
        return None
