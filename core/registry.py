"""One shape for every choice: inputs, decoders, losses, weight methods, formats.

Facts sit beside the name, so listing is instant; what is heavy is imported inside the registered function,
when something is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from core.errors import UnknownName

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A registered thing and the facts that stand beside its name."""

    name: str
    make: T
    facts: dict[str, Any] = field(default_factory=dict)


class Registry(Generic[T]):
    """Names to things of one kind; a second owner of a name is an error at import."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[T]] = {}

    def register(self, name: str, **facts: Any) -> Callable[[T], T]:
        """Decorate the thing that `name` stands for."""

        def add(make: T) -> T:
            if name in self._entries:
                raise ValueError(f'{self.kind} "{name}" is registered twice')
            self._entries[name] = Entry(name, make, facts)
            return make

        return add

    def entry(self, name: str) -> Entry[T]:
        """The entry of `name`; raises UnknownName with the nearest name."""
        if name not in self._entries:
            raise UnknownName(self.kind, name, self._entries)
        return self._entries[name]

    def get(self, name: str) -> T:
        """The thing itself; raises UnknownName with the nearest name."""
        return self.entry(name).make

    def names(self) -> list[str]:
        """All names, in the order of registration."""
        return list(self._entries)


def module_names(folder: Path) -> list[str]:
    """The modules of a package that hold one registered thing each, named as it: known without importing them."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def load_modules(package: str, folder: Path) -> None:
    """Import them, so that each registers itself: a further one is one file, and no list names it."""
    for name in module_names(folder):
        import_module(f"{package}.{name}")
