"""Registry: names to things of one kind, with typed facts beside each name.

Two ways to fill one, by where the things are written: `Registry(kind, Facts)` is filled as the files that hold several
are imported; `Registry(kind, Facts, package=__name__)` has one file a name, `PACKAGE/NAME.py`: its names are known
without an import, and a file is imported when its entry is first asked for. With `hyphens`, a name has a hyphen where
its file has an underscore.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from core.errors import UnknownName

T = TypeVar("T")
F = TypeVar("F")


@dataclass(frozen=True)
class NoFacts:
    """Facts of a registry whose entries have none beside their names."""


@dataclass(frozen=True)
class Entry(Generic[T, F]):
    """Registered thing and the facts beside its name."""

    name: str
    make: T
    facts: F


class Registry(Generic[T, F]):
    """Names to things of one kind.

    kind: the word for one of them in messages. facts: a frozen dataclass; an unknown or missing fact is a TypeError
    where the entry is registered, a second owner of a name a ValueError. package: the package with one file a name.
    """

    def __init__(self, kind: str, facts: type[F], package: str | None = None, hyphens: bool = False) -> None:
        self.kind = kind
        self._facts = facts
        self._package = package
        self._hyphens = hyphens
        self._entries: dict[str, Entry[T, F]] = {}

    def register(self, name: str, **facts: Any) -> Callable[[T], T]:
        """Register the decorated object as `name`."""
        if name in self._entries:
            raise ValueError(f'{self.kind} "{name}" is registered twice')
        held = self._facts(**facts)

        def add(make: T) -> T:
            self._entries[name] = Entry(name, make, held)
            return make

        return add

    def require(self, name: str, *words: str) -> None:
        """Raise UnknownName, which lists `words` too, if `name` is neither registered nor one of them."""
        if name in words or name in self._entries:  # without listing the package's files
            return
        known = (*words, *self.names())
        if name not in known:
            raise UnknownName(self.kind, name, known)

    def entry(self, name: str) -> Entry[T, F]:
        """Entry of `name`; raises UnknownName with the nearest name."""
        if name not in self._entries:
            self.require(name)
            import_module(f"{self._package}.{name.replace('-', '_') if self._hyphens else name}")
        return self._entries[name]

    def get(self, name: str) -> T:
        """Return the object registered as `name`; raises UnknownName with the nearest name."""
        return self.entry(name).make

    def facts(self, name: str) -> F:
        """Facts of `name`; raises UnknownName with the nearest name."""
        return self.entry(name).facts

    def names(self) -> list[str]:
        """All names: in alphabetical order where each is a file, else in the order of registration."""
        if self._package is None:
            return list(self._entries)
        names = module_names(Path(sys.modules[self._package].__path__[0]))
        return [name.replace("_", "-") for name in names] if self._hyphens else names


def module_names(folder: Path) -> list[str]:
    """Modules of a package that hold one registered thing each, without importing them; those with `_` are helpers."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
