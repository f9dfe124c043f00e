"""Signed files: JSON documents, JSON lines and TOML that carry the digest of their content.

In: documents with a `format` number, lines, texts. Out: the same with their digest, or checked against it. A digest is
checked wherever there is one; a document without one is accepted only in a format from before digests. The kinds of
values are checked by `core.schema`. Stays outside: the meaning of keys. Digests detect accidents and forgotten edits,
not forgery: after an edit on purpose, the file is signed again.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from core.command import Command
from core.errors import Damaged
from core.files import check_format, parse_json, read_json, sha256_of, write_json
from core.schema import fit

T = TypeVar("T")

DIGEST = "digest"  # not "sha256", which lines of the ledger and descriptions of exports have of the file that they name
_SIGNATURE = re.compile(rf"^# {DIGEST}[^\n]*\n*\Z", re.MULTILINE)
UNSIGNED = 1  # newest format that was written without a digest, of all documents and lines


def signed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Document with the digest of its other keys as the last key; replaces an older digest.

    >>> signed({"format": 2, "k": 3})["digest"][:12]
    'd1c0c728e4d4'
    """
    content = _content(document)
    return {**content, DIGEST: _digest(content)}


def write_signed(path: Path, document: Mapping[str, Any]) -> None:
    """Write one JSON document with its digest, atomically."""
    write_json(path, signed(document))


def read_signed(path: Path, newest: int, kind: type[T], again: Command | None = None) -> T:
    """Read one JSON document of a format up to `newest`, check its digest, and fit it without digest and format.

    kind: type of the document. again: command that makes the file again, if there is one; otherwise the error advises
    to sign it. Raises Damaged for content that is not JSON, does not match its digest or is of another kind, UserError
    for a file that cannot be read, is of a newer format or has a key that `kind` lacks.
    """
    return fit(check_signed(read_json(path), newest, path, again), kind, path, again)


def check_signed(document: Any, newest: int, path: Path, again: Command | None = None) -> dict[str, Any]:
    """Document that was read from `path` without digest and format, both checked as `read_signed` does."""
    if isinstance(document, dict) and DIGEST in document:
        if not matches(document):
            raise changed(path, again)
        check_format(document, newest, path)
    else:
        check_format(document, newest, path)
        if document["format"] > UNSIGNED:
            raise changed(path, again)
    return {key: value for key, value in document.items() if key not in (DIGEST, "format")}


def matches(document: Mapping[str, Any]) -> bool:
    """True if the document has the digest of its content."""
    try:
        return document.get(DIGEST) == signed(document)[DIGEST]
    except ValueError:  # NaN, which no writer lets through
        return False


def changed(path: Path, again: Command | None = None, where: str = "") -> Damaged:
    """Error for a file, or a place in it, that does not match its digest."""
    what = f"{path}:{where and ' '}{where} has been changed since it was written"
    if again:
        return Damaged(f"{what}; make it again", again)
    return Damaged(f"{what}; if on purpose, sign it again", Command("sign", path))


def signed_line(document: Mapping[str, Any]) -> str:
    """One line of JSON with the digest of its content."""
    return json.dumps(signed(document), allow_nan=False) + "\n"


def read_lines(data: bytes) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Number, document and fault of each line that is not empty; the document is None if there is a fault.

    Lines without a digest are from older releases, so they are a fault after a line with one.
    """
    strict = False
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            document = parse_json(line, "the line")
        except Damaged:
            document = None
        if not isinstance(document, dict):
            yield number, None, "is incomplete or damaged"
        elif DIGEST in document and not matches(document):
            yield number, None, "has been changed since it was written"
        elif DIGEST not in document and (strict or document.get("format", UNSIGNED) != UNSIGNED):
            yield number, None, "has lost its digest"
        else:
            strict = strict or DIGEST in document
            yield number, _content(document), ""


def signed_text(text: str) -> str:
    """TOML text with its digest as a comment in the last line; replaces an older one."""
    body, _ = _split(text)
    return f'{body}# {DIGEST} = "{hashlib.sha256(body.encode()).hexdigest()}"\n'


def check_text(text: str, path: Path) -> str:
    """Text of a TOML file without the line of its digest; Damaged if the digest does not match."""
    body, last = _split(text)
    if last and text != signed_text(body):
        raise changed(path)
    return body


def _split(text: str) -> tuple[str, str]:
    """Text, and the line with its digest, empty if there is none."""
    found = _SIGNATURE.search(text)
    return (text[: found.start()], found[0]) if found else (text, "")


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    """Document without its digest."""
    return {key: value for key, value in document.items() if key != DIGEST}


def _digest(content: Mapping[str, Any]) -> str:
    # As a reader sees it: keys are text, tuples are lists.
    return sha256_of(json.loads(json.dumps(content, allow_nan=False)))
