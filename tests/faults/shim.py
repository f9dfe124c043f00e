"""A shim in front of every call that changes the disk: it counts them, and lets one of them fail or kill the process.

A write point is a call of open for writing, write, fsync, rename, unlink, mkdir or rmdir below a folder.
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

KINDS = ("EIO", "ENOSPC", "SIGKILL")
CALLS = ("fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir", "write", "pwrite", "ftruncate", "link")
TAKE_SPACE = ("open", "write", "pwrite", "mkdir")


class Shim:
    """Write points below `root`, as they come; at number `at`, from 0, something of `kind` happens."""

    def __init__(self, root: Path, at: int | None = None, kind: str = "") -> None:
        self.root, self.at, self.kind = root.resolve(), at, kind
        self.points: list[tuple[str, str]] = []  # call, name of the file

    @contextlib.contextmanager
    def active(self) -> Iterator["Shim"]:
        """Stand in front of the calls while the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(
                    os, name, self._before(name, getattr(os, name) if name != "fsync" else lambda handle: None)
                )
            patch.setattr(os, "open", self._opened(os.open))
            patch.setattr(os, "fdopen", self._fdopened(os.fdopen))
            for module in (builtins, io):
                patch.setattr(module, "open", self._io_opened(io.open))
            yield self

    def point(self, call: str, where: Any, half: Callable[[], object] = lambda: None) -> None:
        """Count a point; at the chosen one do half of the call, then fail or die."""
        place = self._place(where)
        if place is None or self.root not in (place, *place.parents):
            return
        number = len(self.points)
        self.points.append((call, place.name))
        if self.at is None or number < self.at:
            return
        if self.kind == "ENOSPC" and call in TAKE_SPACE:  # and again, until somebody frees space
            half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))
        if number > self.at:
            return
        half()
        if self.kind == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "EIO":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(place))

    def _place(self, where: Any) -> Path | None:
        if isinstance(where, int):
            try:
                return Path(f"/proc/self/fd/{where}").readlink()
            except OSError:
                return None
        try:
            return Path(os.path.abspath(os.fspath(where)))  # noqa: PTH100, a link is not followed
        except TypeError:
            return None

    def _before(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(where: Any, *given: Any, **named: Any) -> Any:
            folder = named.get("dir_fd")
            self.point(name, where if folder is None else Path(f"/proc/self/fd/{folder}").resolve() / os.fspath(where))
            return real(where, *given, **named)

        return call

    def _opened(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(where: Any, flags: int, *given: Any, **named: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.point("open", where)
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
            if set(mode) & set("wax+") and not isinstance(where, int):
                self.point("open", where)
            return real(where, mode, *given, **named)

        return call


class _Raw(io.FileIO):
    """File whose every write is a point; a failing one has written half of its bytes."""

    def __init__(self, handle: int, shim: Shim) -> None:
        super().__init__(handle, "wb")
        self._shim = shim

    def write(self, data: Any) -> int:  # type: ignore[override]
        whole = bytes(data)
        self._shim.point("write", self.fileno(), lambda: super(_Raw, self).write(whole[: len(whole) // 2]))
        return super().write(whole)
