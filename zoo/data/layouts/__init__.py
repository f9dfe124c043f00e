"""Layouts: the ways in which scenes lie in a directory. One file a layout, found by its name.

A layout is a class that is a `Source`, made from a directory and the name that tells it from other sources; its static
method `recognises(root)` is true where the directory holds such scenes. Checks that layouts share stand in `_checks`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.registry import Registry
from zoo.data.records import Source


@dataclass(frozen=True, kw_only=True)
class Archived:
    """How the files of a layout lie in a zip file or an object store.

    path: pattern of the path of a record's file, with groups `root`, `id` and, if the layout has splits, `split`.
    bands: bands in a file of this name, none in a mask; None for a file of no use. clipped: that of the records.
    """

    path: str
    bands: Callable[[str], tuple[int, ...] | None]
    clipped: bool = False


@dataclass(frozen=True, kw_only=True)
class LayoutFacts:
    """Words of a layout in messages, and how it is told in an archive.

    contents: the word for what it holds, in the plural. expects: where that is looked for in a directory. archived:
    None if it is not read from archives.
    """

    contents: str
    expects: str
    archived: Archived | None = None


class Layout(Protocol):
    """Class of the sources in one layout."""

    def __call__(self, root: Path, name: str) -> Source:
        """Open the directory as a source."""

    def recognises(self, root: Path) -> bool:
        """True if the directory holds scenes in this layout; reads no file."""


LAYOUTS: Registry[Layout, LayoutFacts] = Registry("layout", LayoutFacts, package=__name__)
