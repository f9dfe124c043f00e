"""The calls by which SQLite changes the disk, as points of a shim: by the table that it has for tests of this kind."""

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from typing import Any

Point = Callable[[str, Any, Callable[[], object]], bool]
_INT, _LONG, _TEXT, _ANY = ctypes.c_int, ctypes.c_longlong, ctypes.c_char_p, ctypes.c_void_p
# name in SQLite's table: call, result, arguments.
CALLS: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    "open": ("sqlite open", _INT, (_TEXT, _INT, _INT)),
    "write": ("sqlite write", ctypes.c_ssize_t, (_INT, _ANY, ctypes.c_size_t)),
    "pwrite": ("sqlite write", ctypes.c_ssize_t, (_INT, _ANY, ctypes.c_size_t, _LONG)),
    "pwrite64": ("sqlite write", ctypes.c_ssize_t, (_INT, _ANY, ctypes.c_size_t, _LONG)),
    "ftruncate": ("sqlite ftruncate", _INT, (_INT, _LONG)),
    "unlink": ("sqlite unlink", _INT, (_TEXT,)),
}


class _Vfs(ctypes.Structure):
    """sqlite3_vfs of version 3, up to its table of system calls."""

    _fields_ = [
        ("version", _INT), ("file_size", _INT), ("longest", _INT), ("next", _ANY), ("name", _TEXT), ("data", _ANY),
        *((f"method_{number}", _ANY) for number in range(13)),
        ("set", ctypes.CFUNCTYPE(_INT, _ANY, _TEXT, _ANY)), ("get", ctypes.CFUNCTYPE(_ANY, _ANY, _TEXT)),
    ]  # fmt: skip


def _vfs() -> "ctypes._Pointer[_Vfs] | None":
    try:
        import _sqlite3

        find = ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find
    except (ImportError, AttributeError, OSError):  # built into the interpreter, without its names
        return None
    find.restype = ctypes.POINTER(_Vfs)
    found: ctypes._Pointer[_Vfs] = find(None)
    return found if found and found.contents.version >= 3 else None


@contextlib.contextmanager
def sqlite_calls(point: Point) -> Iterator[bool]:
    """Call `point` before each call of SQLite that changes the disk; False where its table cannot be reached."""
    vfs = _vfs()
    if vfs is None:
        yield False
        return
    kept = []
    for name, (call, result, arguments) in CALLS.items():
        address = vfs.contents.get(vfs, name.encode())
        if address:
            kind = ctypes.CFUNCTYPE(result, *arguments, use_errno=True)
            stand_in = kind(_before(call, kind(address), point))
            kept.append((name, address, stand_in))
            vfs.contents.set(vfs, name.encode(), ctypes.cast(stand_in, _ANY))
    try:
        yield True
    finally:
        for name, address, _ in kept:
            vfs.contents.set(vfs, name.encode(), address)


def _before(call: str, real: Callable[..., int], point: Point) -> Callable[..., int]:
    def stand_in(where: Any, *given: Any) -> int:
        def half() -> None:
            if call == "sqlite write":
                real(where, given[0], max(1, given[1] // 2), *given[2:])

        try:
            if call != "sqlite open" or given[0] & os.O_CREAT:
                point(call, where, half)
        except OSError as error:
            ctypes.set_errno(error.errno or 0)
            return -1
        return real(where, *given)

    return stand_in
