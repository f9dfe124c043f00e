"""Atomic writing of files, and bounded reading of files that may be damaged or foreign.

A write goes to a temporary name in the same folder, is flushed to the disk and renamed: a reader
sees the old file or the new one, never a part. Only a regular file is replaced. The temporary file is locked while it
is written, so what a killed process left can be told from a write in progress, and `sweep` removes it.

Readers open regular files only, up to a size, and turn a damaged or foreign file into a UserError by name. Documents
nest up to `DEEPEST` levels and hold integers up to `LARGEST_NUMBER`.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from core.errors import Damaged, Unreadable, UsageError, UserError

LARGEST_DOCUMENT = 64 << 20  # bytes of a text that is read whole: metadata of 20,000 records take 20 MB
LARGEST_FILE = 16 << 30  # bytes of weights, or of a training state
DEEPEST = 64  # levels of nested lists and tables
LARGEST_NUMBER = 1 << 64  # record ids have up to 19 digits
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.tmp", re.DOTALL)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def make_folder(folder: Path) -> Path:
    """Make `folder` and its parents; UserError if that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror}); choose another") from error
    return folder


def require_folder(path: Path) -> None:
    """Check, before a long computation, that the folder of a file exists: a mistyped one is not made.

    Raises UsageError if it does not.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it or choose another")


def require_new_file(path: Path, force: bool = False) -> None:
    """Check, before a long computation, that a file can be written.

    Raises UsageError if its folder does not exist, if a folder, link, device, pipe or socket lies there, or if it
    exists and not `force`.
    """
    require_folder(path)
    require_replaceable(path)
    if not force and os.path.lexists(path):
        raise UsageError(f"{path}: exists already; choose another name, or overwrite it with --force")


def require_replaceable(path: Path) -> None:
    """Raise UsageError if anything but a regular file lies at `path`: only a regular file is ever replaced."""
    try:
        kind = _KINDS.get(stat.S_IFMT(os.lstat(path).st_mode))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another name") from error
    if kind:
        raise UsageError(f"{path}: is {kind}, which is not replaced; name a file")


def listed(folder: Path, pattern: str) -> list[Path]:
    """Sorted paths below `folder` that match a pattern of `Path.glob`, while other commands may remove some of them.

    A folder that vanishes under it ends `Path.glob` before Python 3.13.
    """
    while True:
        try:
            return sorted(folder.glob(pattern))
        except FileNotFoundError:
            continue


@contextmanager
def atomic_write(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[IO[bytes]]:
    """Open a binary file that replaces `path` if the block succeeds, and is removed otherwise.

    check: called with the path of the finished file before it takes its name; if it raises, nothing is replaced.
    UserError if it cannot be written, UsageError if anything but a regular file lies there.
    """
    require_replaceable(path)
    make_folder(path.parent)
    temporary = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            _lock(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if check:
                check(temporary)
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        if temporary:
            with suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise UserError(f"{path}: cannot be written ({reason}); free space or choose another folder") from error
        raise


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path`, to be renamed to it or else removed at the end; after a kill `sweep` removes it."""
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        folder.chmod(0o777 & ~_umask())
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        _lock(handle)
        yield folder
    finally:
        os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)


def temporary_of(path: Path) -> str | None:
    """Name of the file that a temporary one was to become; None for any other name.

    >>> temporary_of(Path("runs/.folds.csv.k3x_01ab.tmp"))
    'folds.csv'
    """
    found = _TEMPORARY.fullmatch(path.name)
    return found["name"] if found else None


def sweep(path: Path) -> None:
    """Remove what killed processes left of writes of `path`, and if it is a folder of the files in it.

    A temporary file that a running process writes is locked, and stays.
    """
    places = [(path.parent, path.name)] + ([(path, "")] if path.is_dir() and not path.is_symlink() else [])
    for folder, name in places:
        try:
            there = [entry for entry in os.scandir(folder) if entry.name.endswith(".tmp")]
        except OSError:
            continue
        for entry in there:
            meant = temporary_of(Path(entry.path))
            if meant and (not name or meant == name) and not entry.is_symlink():
                _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            mode = os.fstat(handle).st_mode
            if _lock(handle) and stat.S_ISREG(mode):
                path.unlink()
            elif stat.S_ISDIR(mode) and _lock(handle):
                shutil.rmtree(path)
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file for as long as it is open; False if it is locked, or its file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as file:
        file.write(text.encode())


def write_json(path: Path, document: Any) -> None:
    """Write one JSON document, atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read_json(path: Path, finite: bool = True) -> Any:
    """Read one JSON document; raises as `parse_json`, and UserError if the file is absent or cannot be read."""
    return parse_json(read_bytes(path), path, finite)


def parse_json(data: bytes | str, path: Path | str, finite: bool = True) -> Any:
    """Parse one JSON document of `path`.

    finite: refuse NaN and infinity. Damaged if it is not JSON, nests too deeply or holds too large a number.
    """
    try:
        return _bounded(json.loads(data), finite)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise Damaged(f"{path}: is not readable JSON ({reason}); make it again") from error


def parse_toml(text: str, path: Path | str) -> dict[str, Any]:
    """Parse the TOML text of `path`; Damaged if it is not TOML, nests too deeply or holds too large a number."""
    try:
        document: dict[str, Any] = _bounded(tomllib.loads(text), finite=False)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise Damaged(f"{path}: is not readable TOML ({reason})") from error
    return document


def _bounded(document: Any, finite: bool) -> Any:
    """Document itself; ValueError if it nests too deeply or holds a number that no artefact has."""
    level = [document]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, int) and abs(value) > LARGEST_NUMBER:
                raise ValueError("a number is too large")
            elif finite and isinstance(value, float) and not abs(value) < float("inf"):
                raise ValueError(f"a number is {value}")
        if not inner:
            return document
        level = inner
    raise ValueError("nested too deeply")


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; OSError if that fails, UserError for a folder, device, pipe or socket.

    A pipe without a writer, which would block, is opened without waiting.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        file = os.fdopen(handle, "rb")
    except OSError:  # of a folder
        os.close(handle)
        raise
    if kind := _KINDS.get(stat.S_IFMT(os.fstat(file.fileno()).st_mode)):
        file.close()
        raise UserError(f"{path}: is {kind}, not a file; name a file")
    return file


def read_bytes(path: Path, most: int = LARGEST_DOCUMENT) -> bytes:
    """Read a whole regular file of at most `most` bytes.

    Raises Unreadable if that fails, UserError if it is absent, larger or no regular file.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise UserError(f"{path}: has {size:,} bytes, more than the {most:,} that such a file can have")
            data = file.read(most + 1)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror}); check the disk and its permissions") from error
    if len(data) > most:  # of a file that grows, or lies about its size as those of /proc do
        raise UserError(f"{path}: has more than the {most:,} bytes that such a file can have")
    return data


def read_text(path: Path, most: int = LARGEST_DOCUMENT) -> str:
    """Read a whole UTF-8 text, without a byte order mark; raises as `read_bytes`, and Damaged for other bytes."""
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Damaged(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error


def check_format(document: Any, newest: int, path: Path) -> None:
    """Raise UserError for a machine-readable file of a newer format, Damaged for one without a format."""
    number = document.get("format") if isinstance(document, dict) else None
    if not isinstance(number, int):
        raise Damaged(f"{path}: has no format number; make it again")
    if number > newest:
        raise UserError(f"{path}: has format {number}, this version reads up to {newest}; update the suite")


def sha256_of_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes; UserError if it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror}); check the disk and its permissions") from error


def stamp(path: Path) -> list[int]:
    """Size in bytes and modification time in ns of a file: a cheap sign of whether it was written again.

    Raises UserError if it cannot be found.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror}); fetch this file again") from error
    return [found.st_size, found.st_mtime_ns]


def sha256_of(document: Any) -> str:
    """Hex SHA-256 of a JSON-able document, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk; OSError if that fails."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
