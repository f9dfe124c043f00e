"""Reading of zip files that may be damaged, foreign or hostile.

In: a path, names in it. Out: bytes of at most a given number, or Damaged. Members are stored or deflated; other methods
cannot be unpacked in bounded memory. Stays outside: writing.
"""

import zipfile
import zlib
from pathlib import Path

from core.errors import Damaged, UserError
from core.files import open_regular

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# zipfile raises RuntimeError for encrypted members, its child NotImplementedError for what it does not know, and
# ValueError for offsets and names that make no sense.
FAULTS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a regular file as a zip file; Damaged if it is none, UserError if it is absent or no file."""
    if not path.exists():
        raise UserError(f"{path}: no such file")
    try:
        with open_regular(path):
            return zipfile.ZipFile(path)
    except FAULTS as error:
        raise Damaged(f"{path}: is not a readable zip file ({error}); fetch it again") from error


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Unpack a member of at most `most` bytes; KeyError if it is absent, Damaged if it is larger or damaged."""
    info, where = archive.getinfo(name), f"{archive.filename}: {name}"
    if info.file_size > most:
        raise Damaged(f"{where}: unpacks to {info.file_size:,} bytes, more than the {most:,} that such a file can have")
    if info.compress_type not in METHODS:
        raise Damaged(f"{where}: is compressed by another method than deflate; pack it again")
    try:
        with archive.open(info) as file:
            # Without a number zipfile unpacks all that is there, whatever size it states.
            data = file.read(info.file_size + 1)
    except FAULTS as error:
        raise Damaged(f"{where}: cannot be read ({error}); fetch the zip file again") from error
    if len(data) != info.file_size:
        raise Damaged(f"{where}: unpacks to {len(data):,} of {info.file_size:,} bytes; fetch the zip file again")
    return data
