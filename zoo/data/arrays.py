"""Read one `.npy` file that may be damaged, foreign or malicious.

In: a path. Out: the array, or a FileFault that names the path. The header is compared with the size of the
file before anything is read, and nothing is ever unpickled.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.errors import UserError, is_out_of_memory
from core.files import open_regular

REPAIR = "fetch or write this file again"
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
        values = np.empty(math.prod(shape), dtype)
        # np.fromfile takes Ctrl-C for an argument of another type, if it comes at its start.
        read = file.readinto(values.view(np.uint8))  # type: ignore[attr-defined]
        _compare_sizes(path, read, values.nbytes)  # of a file that shrinks meanwhile
        return values.reshape(shape, order="F" if fortran else "C")


def parse_array(data: bytes, path: Path) -> NDArray[Any]:
    """Array of the bytes of a `.npy` file that lay in `path`; FileFault as in `read_array`."""
    file = BytesIO(data)
    shape, fortran, dtype = _header(file, path)
    _compare_sizes(path, len(data), file.tell() + math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")


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


def map_array(path: Path, shape: tuple[int, ...], dtype: str, todo: str) -> NDArray[Any]:
    """Map the array in `path` into memory, read only, without reading it.

    FileFault, which advises `todo`, if the file is absent or its header or size is not that of such an array.
    """
    header = npy_header(shape, dtype)
    expected = len(header) + math.prod(shape) * np.dtype(dtype).itemsize
    try:
        with open_regular(path) as file:
            found, size = file.read(len(header)), os.fstat(file.fileno()).st_size
    except UserError as error:
        raise FileFault(path, error.what.removeprefix(f"{path}: ").partition(";")[0], todo) from error
    except OSError as error:
        raise FileFault(path, f"cannot be read ({error.strerror or error})", todo) from error
    if found != header or size != expected:
        what = f"is truncated, {size} of {expected} bytes" if size < expected else f"is no {dtype} {shape}"
        raise FileFault(path, what, todo)
    if not math.prod(shape):
        return np.empty(shape, dtype)
    # A plain array: every index of a memmap makes an object of Python's.
    return np.asarray(np.memmap(path, dtype, "r", len(header), shape))


def npy_header(shape: tuple[int, ...], dtype: str) -> bytes:
    """Bytes before the values of a `.npy` file in C order."""
    file = BytesIO()
    npy.write_array_header_1_0(
        file, {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], Header]]:
    """Open the file, positioned behind its header, whose promise of size it keeps."""
    try:
        with open_regular(path) as file:
            shape, fortran, dtype = _header(file, path)
            _compare_sizes(path, os.fstat(file.fileno()).st_size, file.tell() + math.prod(shape) * dtype.itemsize)
            yield file, (shape, fortran, dtype)
    except FileFault:
        raise
    except UserError as error:
        raise FileFault(path, error.what.removeprefix(f"{path}: ").partition(";")[0]) from error
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
        if is_out_of_memory(error):
            raise
        raise FileFault(path, "is not a readable .npy file") from error
    if dtype.hasobject:
        raise FileFault(path, "holds pickled Python objects, which are never loaded")
    if dtype.kind not in "biuf":
        raise FileFault(path, f"holds {dtype}, not numbers")
    return shape, fortran, dtype


def _compare_sizes(path: Path, size: int, expected: int) -> None:
    if size < expected:
        raise FileFault(path, f"is truncated, {size} of {expected} bytes")
    if size > expected:
        raise FileFault(path, f"has {size - expected} bytes after its array")
