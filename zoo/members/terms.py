"""One small grammar for what a recipe adds up or chains: `0.9*bce+0.1*dice`, `flips+0.5*mosaic`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from core.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Term:
    """A registered name and the number before it, if any: a loss's weight, an augmentation's share of the scenes."""

    name: str
    weight: float | None = None


def parse_terms(text: str, key: str, known: Sequence[str], where: str, most: float = inf) -> tuple[Term, ...]:
    """The terms of `text`, in order; UnknownName, or UsageError for a number that is not above 0, up to `most`."""
    return tuple(_term(part.strip(), f'{where}: {key} = "{text}"', key, known, where, most) for part in text.split("+"))


def _term(part: str, what: str, key: str, known: Sequence[str], where: str, most: float) -> Term:
    number, times, name = part.rpartition("*")
    number, name = number.strip(), name.strip()
    if name not in known:
        if meant := _meant(part, known):
            raise UsageError(f'{what}: "{part}" is no term; write it as {meant}')
        raise UnknownName(key, name, known, where)
    if not times:
        return Term(name)
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= most or weight == inf:
        limit = "" if most == inf else f", up to {most:g}"
        raise UsageError(f'{what}: "{number}" is no number above 0{limit}; write it as 0.5*{name}')
    return Term(name, weight)


def _meant(part: str, known: Sequence[str]) -> str | None:
    """A number and a name in another form than 0.5*name: without the star, or the name first."""
    words = re.fullmatch(r"([0-9.]+)[\s*]*([a-z]\w*)|([a-z]\w*)[\s*]*([0-9.]+)", part)
    if words is None:
        return None
    number, name = words[1] or words[4], words[2] or words[3]
    return f"{number}*{name}" if name in known else None
