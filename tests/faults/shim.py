"""A shim in front of every call that opens or changes a file: it counts them, and at one of them something happens.

A point is a call of open, write, fsync, rename, unlink, mkdir or rmdir below a folder, in Python or in SQLite. What
happens is one of `KINDS`: an error of the disk, once or from there on; a short write; too little memory; a signal; a
clock that jumps back.
"""

import builtins
import contextlib
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.sqlite_calls import sqlite_calls

CALLS = ("fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir", "write", "pwrite", "ftruncate", "link")
READ = "read"  # an open for reading
SPACE = {"open", "write", "pwrite", "mkdir", "sqlite write"}
OPENS = {"open", READ, "mkdir"}
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
# Calls that each kind can meet; None: all that change something.
KINDS: dict[str, set[str] | None] = {
    "EIO": None,
    "EIO of a read": {READ},
    "ENOSPC": SPACE,
    "EROFS": None,
    "EMFILE": OPENS,
    "short": {"write", "pwrite"},
    "memory": {"open", READ, "write"},
    "SIGKILL": None,
    "SIGTERM": None,
    "SIGINT": None,
    "clock": {"replace", "rename"},
}
LASTING = {"ENOSPC", "EROFS", "EMFILE"}  # fail until the command ends; the others once
DAY = 86_400


def fits(kind: str, call: str) -> bool:
    """True if this kind of fault can happen at this call."""
    calls = KINDS[kind]
    if call.startswith("sqlite"):  # where Python's handler of a signal cannot run, and no exception passes
        return kind in ("EIO", "SIGKILL", "EROFS") or (calls is not None and call in calls)
    return call in calls if calls is not None else call != READ


class Shim:
    """Points below `root`, as they come; at number `at`, from 0, something of `kind` happens."""

    def __init__(self, root: Path, at: int | None = None, kind: str = "") -> None:
        self.root, self.at, self.kind = root.resolve(), at, kind
        self.points: list[tuple[str, str]] = []  # call, name of the file

    @contextlib.contextmanager
    def active(self) -> Iterator["Shim"]:
        """Stand in front of the calls while the block runs."""
        with pytest.MonkeyPatch.context() as patch, sqlite_calls(self.point):
            for name in CALLS:
                patch.setattr(
                    os, name, self._before(name, getattr(os, name) if name != "fsync" else lambda handle: None)
                )
            patch.setattr(os, "open", self._opened(os.open))
            patch.setattr(os, "fdopen", self._fdopened(os.fdopen))
            for module in (builtins, io):
                patch.setattr(module, "open", self._io_opened(io.open))
            yield self

    def point(self, call: str, where: Any, half: Callable[[], object] = lambda: None) -> bool:
        """Count a point; at the chosen one do half of the call, then fail or die. True for a write to be cut short."""
        place = self._place(where)
        if place is None or self.root not in (place, *place.parents):
            return False
        number = len(self.points)
        self.points.append((call, place.name))
        reached = self.at is not None and (number == self.at or (number > self.at and self.kind in LASTING))
        if not (reached and fits(self.kind, call)):
            return False
        if self.kind == "memory":
            raise MemoryError
        if self.kind in SIGNALS:
            if self.kind == "SIGKILL":
                half()
            os.kill(os.getpid(), SIGNALS[self.kind])
        elif self.kind not in ("short", "clock"):
            half()
            number = getattr(errno, self.kind.split()[0])
            raise OSError(number, os.strerror(number), str(place))
        return self.kind == "short"

    @property
    def _is_yesterday(self) -> bool:
        return self.kind == "clock" and self.at is not None and len(self.points) > self.at

    def _place(self, where: Any) -> Path | None:
        if isinstance(where, int):
            try:
                return Path(f"/proc/self/fd/{where}").readlink()
            except OSError:
                return None
        try:
            return Path(os.path.abspath(os.fsdecode(where)))  # noqa: PTH100, a link is not followed
        except TypeError:
            return None

    def _before(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(where: Any, *given: Any, **named: Any) -> Any:
            folder = named.get("dir_fd")
            place = where if folder is None else Path(f"/proc/self/fd/{folder}").resolve() / os.fspath(where)
            if self.point(name, place):
                given = (given[0][: max(1, len(given[0]) // 2)], *given[1:])
            answer = real(where, *given, **named)
            if name in ("replace", "rename") and self._is_yesterday:
                times = Path(given[0]).stat()
                os.utime(given[0], ns=(times.st_atime_ns, times.st_mtime_ns - DAY * 10**9))
            return answer

        return call

    def _opened(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(where: Any, flags: int, *given: Any, **named: Any) -> int:
            if named.get("dir_fd") is None:
                self.point("open" if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else READ, where)
            return real(where, flags, *given, **named)

        return call

    def _fdopened(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(handle: int, mode: str = "r", *given: Any, **named: Any) -> Any:
            if mode != "wb":
                return real(handle, mode, *given, **named)
            return io.BufferedWriter(_Raw(handle, self))

        return call

    def _io_opened(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(where: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            if not isinstance(where, int):
                self.point("open" if set(mode) & set("wax+") else READ, where)
            return real(where, mode, *given, **named)

        return call


class _Raw(io.FileIO):
    """File whose every write is a point; a failing one has written half of its bytes."""

    def __init__(self, handle: int, shim: Shim) -> None:
        super().__init__(handle, "wb")
        self._shim = shim

    def write(self, data: Any) -> int:  # type: ignore[override]
        whole = bytes(data)
        half = whole[: max(1, len(whole) // 2)]
        is_short = self._shim.point("write", self.fileno(), lambda: super(_Raw, self).write(half))
        return super().write(half if is_short else whole)
