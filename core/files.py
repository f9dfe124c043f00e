"""Atomic writing of files, and reading of small ones.

A write goes to a temporary name in the same folder, is flushed to the disk and renamed: a reader
sees the old file or the new one, never a part. Readers turn a damaged or foreign file into a UserError by name.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from core.errors import Damaged, UsageError, UserError


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

    Raises UsageError if its folder does not exist, it is a folder, or it exists and not `force`.
    """
    require_folder(path)
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already; choose another name, or overwrite it with --force")


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that replaces `path` if the block succeeds, and is removed otherwise."""
    make_folder(path.parent)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        if isinstance(error, OSError):
            raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as file:
        file.write(text.encode())


def write_json(path: Path, document: Any) -> None:
    """Write one JSON document, atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON document; Damaged if it is not JSON, UserError if the file is absent or cannot be read."""
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise Damaged(f"{path}: is not readable JSON ({error}); make it again") from error


def read_bytes(path: Path) -> bytes:
    """Read a whole file; UserError if it is absent or cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the disk and its permissions") from error


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
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the disk and its permissions") from error


def stamp(path: Path) -> list[int]:
    """Size in bytes and modification time in ns of a file: a cheap sign of whether it was written again.

    Raises UserError if it cannot be found.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); fetch this file again") from error
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
