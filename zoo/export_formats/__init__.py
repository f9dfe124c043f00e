"""File formats of exported members: how a module is written and its file is run. One file each, named as its format.

In: a module from kelvin (n, bands, frames, 256, 256) to probability (n, 256, 256), an example of its input. Out: bytes,
and a function that answers from them. Importing this package loads no torch, importing a format does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.registry import Registry

# Arrays: kelvin, float32 (n, bands, frames, 256, 256) -> probability, float32 (n, 256, 256).
Answer = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class FormatFacts:
    """Facts of a format; its entry is the function that writes it."""

    run: Callable[[bytes], Answer]  # function that answers from the bytes of a file
    suffixes: tuple[str, ...]  # of its files, the usual one first


# Module, example, True if any number of records should fit -> bytes.
FORMATS: Registry[Callable[[Any, Any, bool], bytes], FormatFacts] = Registry("format", FormatFacts, package=__name__)


def require_suffix(path: Path, format_name: str) -> None:
    """UsageError if the file's name is one of another format."""
    known = {name: FORMATS.facts(name).suffixes for name in FORMATS.names()}
    owner = next((name for name, suffixes in known.items() if path.suffix.lower() in suffixes), format_name)
    if owner != format_name:
        named = path.with_suffix(FORMATS.facts(format_name).suffixes[0])
        raise UsageError(f"{path}: is a name for format {owner}; give --format {owner}, or --out {named}")
