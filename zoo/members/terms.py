"""One small grammar for what a recipe adds up or chains: `0.9*bce+0.1*dice`, `flips+0.5*mosaic`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Term:
    """A registered name and the number before it, if any: a loss's weight, an augmentation's share of the scenes."""

    name: str
    weight: float | None = None


def parse_terms(text: str, key: str, known: Sequence[str], where: str) -> tuple[Term, ...]:
    """The terms of `text`, in order; UnknownName, or UsageError for a number that is none above 0."""
    return tuple(_term(part.strip(), text, key, known, where) for part in text.split("+"))


def _term(part: str, text: str, key: str, known: Sequence[str], where: str) -> Term:
    number, times, name = part.rpartition("*")
    name = name.strip()
    if name not in known:
        raise UnknownName(key, name, known, where)
    if not times:
        return Term(name)
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise UsageError(f'{where}: {key} = "{text}": "{number}" is no number above 0; write it as 0.5*{name}')
    return Term(name, weight)
