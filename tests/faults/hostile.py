"""Documents that somebody else made: valid ones with values replaced and signed again, and damaged bytes."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from core.files import sha256_of
from core.signing import signed

DEEP: Any = "end"
for _ in range(100):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1e308, -0.5, "", "x" * 10_000, "\x1b[31m\u202e[/x]", "../../x", [], {}, [None], [[]],
    {"a": None}, DEEP, "nan", "\ud800", ["x", 1], 2**31,
)  # fmt: skip
BYTES = (b"[" * 200_000, b'{"a":' * 100_000, b"\0" * 100, b"\xff\xfe", b"PK\x03\x04", b"\x93NUMPY", b"9" * 5000)
Path = tuple[Any, ...]


def nodes(document: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of all values in a document, of long lists only the first and the last."""
    if path:
        yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from nodes(value, (*path, key))
    elif isinstance(document, list):
        for place in {0, len(document) - 1} if document else ():
            yield from nodes(document[place], (*path, place))


def changed(document: Any, seed: int) -> Any:
    """Document with up to three values replaced or removed, and now and then a key that nobody knows."""
    chosen, result = random.Random(seed), copy.deepcopy(document)
    for _ in range(chosen.randint(1, 3)):
        paths = list(nodes(result))
        if not paths:
            break
        path = chosen.choice(paths)
        parent = result
        for key in path[:-1]:
            parent = parent[key]
        match chosen.randrange(6):
            case 0:
                del parent[path[-1]]
            case 1 if isinstance(parent, dict):
                parent["unknown"] = copy.deepcopy(chosen.choice(VALUES))
            case _:
                parent[path[-1]] = copy.deepcopy(chosen.choice(VALUES))
    return result


def sealed(document: Any) -> Any:
    """Document with the digest of its content: the "sha256" of a manifest, or the suite's "digest"."""
    if not isinstance(document, dict):
        return document
    try:
        if "sha256" in document and "shards" in document:
            content = {key: value for key, value in document.items() if key != "sha256"}
            return content | {"sha256": sha256_of(content)}
        return signed(document)
    except (ValueError, RecursionError):
        return document


def sealed_json(data: bytes) -> bytes:
    """Bytes of a JSON document, with its digest if it is one."""
    try:
        return as_json(sealed(json.loads(data)))
    except (ValueError, RecursionError):
        return data


def sealed_lines(data: bytes) -> bytes:
    """Lines of JSON, each with its digest."""
    return b"".join(sealed_json(line) + b"\n" for line in data.split(b"\n") if line.strip())


def as_json(document: Any) -> bytes:
    """Bytes of a JSON document."""
    return json.dumps(document).encode()


def damaged(valid: bytes) -> st.SearchStrategy[bytes]:
    """Bytes cut off, flipped, inserted, doubled, or others altogether."""
    place = st.integers(0, max(len(valid) - 1, 0))
    return st.one_of(
        place.map(lambda at: valid[:at]),
        st.tuples(place, st.integers(1, 255)).map(lambda each: _flipped(valid, *each)),
        st.tuples(place, st.binary(min_size=1, max_size=20)).map(lambda each: _inserted(valid, *each)),
        place.map(lambda at: valid[at:] + valid),
        st.binary(max_size=200),
        st.sampled_from(BYTES),
    )


def _flipped(valid: bytes, at: int, bits: int) -> bytes:
    return valid[:at] + bytes([valid[at] ^ bits]) + valid[at + 1 :] if valid else b""


def _inserted(valid: bytes, at: int, more: bytes) -> bytes:
    return valid[:at] + more + valid[at:]
