"""Values of TOML files: made such that they can be hashed, and written as text."""

import json
from typing import Any


def frozen(value: Any) -> Any:
    """Value with its lists as tuples, its tables as tuples of (key, value) pairs in the order given."""
    if isinstance(value, list | tuple):
        return tuple(frozen(entry) for entry in value)
    if isinstance(value, dict):
        return tuple((key, frozen(entry)) for key, entry in value.items())
    return value


def thawed(value: Any) -> Any:
    """Value with its tuples as lists."""
    return [thawed(entry) for entry in value] if isinstance(value, list | tuple) else value


def toml_text(value: Any) -> str:
    """Value as it stands in a TOML file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_text(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    # JSON's text, numbers and booleans are TOML's too, but for its surrogates and for DEL as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
