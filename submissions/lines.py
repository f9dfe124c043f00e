"""Bytes of a submission as numbered lines, in bounded memory, and explanations of what is not csv.

In: a path, bytes, or a DataFrame. Out: lines, or an explanation. Stays outside: ids and run lengths.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from core.errors import UserError
from core.files import open_regular
from submissions.rle import PIXELS
from submissions.rle_errors import Trouble, explain_sign

# An id and 65,536 runs of one pixel: a longer line is no row.
LONGEST_LINE = len(f"{PIXELS} 1 ") * PIXELS + 1000

_SIGNATURES = (
    (b"\x1f\x8b", "a gzip archive", "unpack it first: gunzip"),
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "save the sheet as csv (UTF-8), or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as csv (UTF-8)"),
    (b"BZh", "a bzip2 archive", "unpack it first: bunzip2"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first: unxz"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first: unzstd"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"PAR1", "a Parquet file", "write it as csv"),
    (b"\x93NUMPY", "a numpy array", "write run lengths as csv"),
    (b"\x89PNG", "a PNG image", "write run lengths as csv"),
    (b"\x89HDF", "an HDF5 file", "write run lengths as csv"),
    (b"%PDF", "a PDF", "write run lengths as csv"),
    (codecs.BOM_UTF32_LE, "UTF-32 text", "save it as UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16 text", "save it as UTF-8"),
    (codecs.BOM_UTF16_BE, "UTF-16 text", "save it as UTF-8"),
)


class Table(Protocol):
    """Table that writes itself as csv, such as a pandas DataFrame."""

    def to_csv(self, *, index: bool) -> Any:
        """Text of the csv, without a column of row numbers if not `index`."""


File = Path | str | bytes | Table  # a path, the content itself, or a table


@dataclass(frozen=True)
class Line:
    """One line without its end."""

    number: int  # from 1
    data: bytes  # at most the first LONGEST_LINE bytes
    end: bytes  # b"\n" or b"\r\n"; b"" if the file ends without one
    length: int  # in bytes, of the whole line

    @property
    def too_long(self) -> bool:
        return self.length > len(self.data)


def name_of(file: File) -> str:
    """Name of a file for messages."""
    return str(file) if isinstance(file, (str, Path)) else "data in memory"


def open_file(file: File) -> BinaryIO | Trouble:
    """Bytes of a file, or why it cannot be read."""
    if isinstance(file, bytes):
        return BytesIO(file)
    if not isinstance(file, (str, Path)):
        return BytesIO(file.to_csv(index=False).encode())
    path = Path(file)
    try:
        return open_regular(path)
    except IsADirectoryError:
        return Trouble("is a directory", "name the csv file in it")
    except FileNotFoundError:
        return Trouble("no such file", "check the path")
    except UserError:
        return Trouble("is not a regular file", "write it to a file first")
    except OSError as error:
        return Trouble(f"cannot be read ({error.strerror})", "check its permissions")


def explain_head(head: bytes) -> Trouble | None:
    """Explain what a file is by its first bytes; None if it is plain text."""
    if not head:
        return Trouble("is empty", "write the header record_id,encoded_pixels and a row for each record")
    for signature, what, todo in _SIGNATURES:
        if head.startswith(signature):
            return Trouble(f"is {what}, not csv", todo)
    # ASCII in UTF-16 has a NUL beside every character.
    if head[:64].count(0) * 3 > len(head[:64]):
        if not head.strip(b"\0"):
            return Trouble("holds only NUL bytes", "the disk lost it: write it again")
        return Trouble("is UTF-16 text or binary", "save it as UTF-8")
    start = head.lstrip()[:15].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return Trouble("is an HTML page", "it was saved instead of the file: download it again")
    if start.startswith((b"{", b"[")):
        return Trouble("is JSON, not csv", "write record_id,encoded_pixels and a row for each record")
    return None


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a binary file; a line of any length takes LONGEST_LINE bytes of memory."""
    number = 0
    while data := file.readline(LONGEST_LINE):
        number += 1
        length, tail = len(data), data
        while not tail.endswith(b"\n") and (tail := file.readline(LONGEST_LINE)):
            length += len(tail)
        last = tail or data
        end = b"\r\n" if last.endswith(b"\r\n") else b"\n" if last.endswith(b"\n") else b""
        if length == len(data):
            data = data[: len(data) - len(end)]
        yield Line(number, data, end, length - len(end))


def explain_line(line: Line) -> Trouble | None:
    """Explain a line that is no row; None if it is one."""
    if line.too_long:
        what = f"{line.length:,} bytes, more than {PIXELS:,} runs can take"
        return Trouble(what, "a row names each pixel at most once: write it again")
    if not line.data.strip():
        return Trouble("the line is blank", "delete it")
    if b"\0" in line.data:
        count = line.data.count(0)
        return Trouble(f"{count:,} NUL byte{'s' * (count > 1)}", "the disk lost them: write the file again")
    if b"\r" in line.data:
        return Trouble("a carriage return inside the line", "end lines in LF")
    try:
        return _explain_row(line.data.decode(), torn=not line.end)
    except UnicodeDecodeError as error:
        byte = line.data[error.start]
        return Trouble(f"byte 0x{byte:02X} is not UTF-8", "save the file as UTF-8")


def _explain_row(text: str, torn: bool) -> Trouble | None:
    if '"' in text:
        return Trouble("quotes", "write without quotes (pandas: to_csv(quoting=csv.QUOTE_NONE))")
    commas = text.count(",")
    if commas == 0 and torn:
        return Trouble(f"the file ends within the row {text[:40]!r}", "it is incomplete: write it again")
    if commas == 0:
        other = next((sign for sign in ";\t|" if sign in text), None)
        found = f", {explain_sign(other)} instead" if other else f" in {text[:40]!r}"
        return Trouble(f"no comma{found}", "write the id, a comma, the runs")
    if commas > 1:
        what = f"{commas + 1} columns: {text[:40]!r}"
        return Trouble(what, "write the id, a comma, the runs with spaces between the numbers")
    return None
