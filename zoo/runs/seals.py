"""Digests of binary files: in front of a state, in the header of weights.

In: bytes. Out: bytes with their digest, or whether they match it. Stays outside: torch, files.
"""

import hashlib
import json
from typing import Any

from core.errors import Damaged
from core.files import parse_json

STATE = b"contrail state, sha256 "  # begins a state: the digest of the rest and a line break follow
ZIP = b"PK"  # begins a state of an older release
METADATA = "__metadata__"  # of safetensors' header: text by text
_HEX = 64


def state_header(content: memoryview) -> bytes:
    """Header of a state, to be written in front of it."""
    return STATE + _hex(content) + b"\n"


def state_content(data: bytes) -> memoryview | None:
    """Content of a state behind its header; None if it does not match its digest."""
    view = memoryview(data)
    if data.startswith(STATE):
        content = view[len(STATE) + _HEX + 1 :]
        return content if data.startswith(state_header(content)) else None
    return view if data.startswith(ZIP) else None


def weights_digest(weights: bytes) -> str:
    """SHA-256 of names, shapes and values of safetensors, whatever the metadata says."""
    header = _header(weights)
    header.pop(METADATA, None)
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(memoryview(weights)[8 + _header_length(weights) :])
    return digest.hexdigest()


def weights_match(weights: bytes) -> bool:
    """True if safetensors match the digest in their metadata, or have none, as in older releases.

    False for bytes without a readable header.
    """
    try:
        return given_digest(weights) in (None, weights_digest(weights))
    except (Damaged, ValueError, AttributeError):
        return False


def given_digest(weights: bytes) -> str | None:
    """Digest in the metadata of safetensors; None without one."""
    given: str | None = _header(weights).get(METADATA, {}).get("digest")
    return given


def _header(weights: bytes) -> dict[str, Any]:
    header: dict[str, Any] = parse_json(weights[8 : 8 + _header_length(weights)], "the header")
    return header


def _header_length(weights: bytes) -> int:
    return int.from_bytes(weights[:8], "little")


def _hex(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
