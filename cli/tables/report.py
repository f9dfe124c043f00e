"""Lines on a written report."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console


def print_written(console: Console, document: Mapping[str, Any]) -> None:
    """Print the file with its size, and a line on each section that is missing."""
    console.print(f"wrote {document['file']}: {document['bytes'] / 1e6:.2f} MB", markup=False, soft_wrap=True)
    for section, reason in document["missing"].items():
        console.print(f"  without {section}: {reason}", markup=False, soft_wrap=True)
