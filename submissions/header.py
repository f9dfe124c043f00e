"""Check of the first line, which must be the header.

In: its bytes. Out: what is wrong with it, and whether the rest can be read. Stays outside: the rows.
"""

import codecs
import re
from dataclasses import dataclass

from submissions.rle_errors import Trouble

HEADER = "record_id,encoded_pixels"
_COLUMNS = tuple(HEADER.split(","))
_WRITE = f"the first line must be {HEADER}"
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks", ":": "colons"}


@dataclass(frozen=True)
class Header:
    """Faults of the first line."""

    troubles: tuple[Trouble, ...] = ()
    hopeless: bool = False  # the rest cannot be read
    is_row: bool = False  # there is no header: the line is a row


def explain_header(data: bytes) -> Header:
    """Check the first line, given without its end."""
    troubles = []
    if data.startswith(codecs.BOM_UTF8):
        # Some readers take it for a part of the first column's name.
        troubles.append(Trouble("starts with a byte-order mark", 'save it as UTF-8 without BOM ("utf-8")'))
        data = data.removeprefix(codecs.BOM_UTF8)
    if data == HEADER.encode():
        return Header(tuple(troubles))
    if b"\r" in data:
        return Header((Trouble("lines end in CR alone, as on an old Mac", "end lines in LF"),), hopeless=True)
    text = data[:200].decode("utf-8", "replace")
    header = _explain_text(text)
    return Header((*troubles, *header.troubles), header.hopeless, header.is_row)


def _explain_text(text: str) -> Header:
    if re.match(r"[^,]*[0-9][^,]*,[0-9 ]+$|[^,]*,-$", text):
        return Header((Trouble("the header is missing", _WRITE),), is_row=True)
    for sign, name in _SEPARATORS.items():
        if [_bare(word) for word in text.split(sign)] == list(_COLUMNS):
            return Header((Trouble(f"columns are separated by {name}", "separate them by a comma"),), True)
    words = text.split(",")
    bare = [_bare(word) for word in words]
    if bare == list(_COLUMNS):
        if '"' in text or "'" in text:
            return Header((Trouble("the header is quoted", "write without quotes"),))
        return Header((Trouble(f"the header is {text!r}", _WRITE),))
    if bare == list(reversed(_COLUMNS)):
        return Header((Trouble("the columns are swapped", _WRITE),), hopeless=True)
    if set(_COLUMNS) <= set(bare):
        return Header((_explain_extra(bare),), hopeless=True)
    return Header((Trouble(f"the header is {text[:80]!r}", _WRITE),), hopeless=len(words) != 2)


def _explain_extra(columns: list[str]) -> Trouble:
    extra = [column for column in columns if column not in _COLUMNS]
    if extra in ([""], ["unnamed: 0"], ["index"]):
        return Trouble("there is a column of row numbers", "write it without (pandas: to_csv(index=False))")
    return Trouble(f"{len(columns)} columns: {', '.join(columns)[:80]}", "write the two columns alone")


def _bare(word: str) -> str:
    return word.strip().strip("\"'").strip().lower()
