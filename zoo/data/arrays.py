"""Read one `.npy` file that may be damaged, foreign or malicious.

In: a path. Out: the array, or a FileFault that names the path. The header is compared with the size of the
file before anything is read, and nothing is ever unpickled.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.errors import UserError

REPAIR = "fetch this file again"
Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


class FileFault(UserError):
    """Fault of one file.

    path: the file. fault: what is wrong with it. todo: what the user should do about it.
    """

    def __init__(self, path: Path, fault: str, todo: str = REPAIR) -> None:
        super().__init__(f"{path}: {fault}; {todo}")
        self.path, self.fault, self.todo = path, fault, todo

    def __reduce__(self) -> tuple[type["FileFault"], tuple[Path, str, str]]:
        # Faults travel back from other processes.
        return FileFault, (self.path, self.fault, self.todo)


def read_array(path: Path) -> NDArray[Any]:
    """Read the array in `path`; FileFault if it is absent, damaged, not an array, or holds Python objects."""
    with _opened(path) as (file, (shape, fortran, dtype)):
        return np.fromfile(file, dtype).reshape(shape, order="F" if fortran else "C")


def read_first(path: Path, count: int) -> NDArray[Any]:
    """Read the first `count` values along the last axis and nothing more; errors as in `read_array`."""
    with _opened(path) as (file, (shape, fortran, dtype)):
        step = int(np.prod(shape[:-1])) if fortran else 1
        start = file.tell()
        values = np.empty(min(count, shape[-1] if shape else 0), dtype)
        for index in range(len(values)):
            file.seek(start + index * step * dtype.itemsize)
            values[index] = np.frombuffer(file.read(dtype.itemsize), dtype)[0]
        return values


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], Header]]:
    """Open the file, positioned behind its header, whose promise of size it keeps."""
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file, path)
            _compare_sizes(path, file.tell() + math.prod(shape) * dtype.itemsize)
            yield file, (shape, fortran, dtype)
    except FileNotFoundError as error:
        raise FileFault(path, "no such file") from error
    except OSError as error:
        raise FileFault(path, f"cannot be read ({error.strerror or error})") from error


def _header(file: IO[bytes], path: Path) -> Header:
    readers: dict[tuple[int, int], Callable[[IO[bytes]], Header]] = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }
    try:
        shape, fortran, dtype = readers[npy.read_magic(file)](file)
    except OSError:
        raise
    # The header is a Python literal: a torn or hostile one makes its parser raise almost anything.
    except Exception as error:
        raise FileFault(path, "is not a readable .npy file") from error
    if dtype.hasobject:
        raise FileFault(path, "holds pickled Python objects, which are never loaded")
    if dtype.kind not in "biuf":
        raise FileFault(path, f"holds {dtype}, not numbers")
    return shape, fortran, dtype


def _compare_sizes(path: Path, expected: int) -> None:
    size = path.stat().st_size
    if size < expected:
        raise FileFault(path, f"is truncated, {size} of {expected} bytes")
    if size > expected:
        raise FileFault(path, f"has {size - expected} bytes after its array")
