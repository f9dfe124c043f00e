"""Lines on a written report."""

from collections.abc import Mapping
from typing import Any

from cli.tables.page import Page


def print_written(console: Page, document: Mapping[str, Any]) -> None:
    """Print the file with its size, and a line on each section that is missing."""
    console.print(f"wrote {document['file']}: {document['bytes'] / 1e6:.2f} MB", soft_wrap=True)
    for section, reason in document["missing"].items():
        console.print(f"  without {section}: {reason}", soft_wrap=True)
