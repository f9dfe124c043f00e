"""Grammar of the names in a recipe: `0.9*bce+0.1*tversky(alpha=0.7)`, `0.95*(d4+0.5*mosaic)`, `bifpn(repeats=2)`.

In: a key's text and the names that are known. Out: terms. Stays outside: the options that a name has, which only what
loads torch knows (zoo.members.options).
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from core.errors import UnknownName, UsageError
from zoo.members.toml import frozen

_GROUP = re.compile(r"(?:(?P<number>[^()a-zA-Z]*?)\s*\*)?\s*\((?P<inside>.*)", re.DOTALL)


@dataclass(frozen=True)
class Term:
    """Registered name with its options and the number before it: a loss's weight, an augmentation's share of scenes.

    A group in parentheses has no name: it has `terms`.
    """

    name: str
    weight: float | None = None
    options: tuple[tuple[str, Any], ...] = ()
    terms: tuple["Term", ...] = ()


def parse_terms(
    text: str, key: str, known: Collection[str], where: str, most: float = inf, groups: bool = False
) -> tuple[Term, ...]:
    """Terms of a sum or chain, in order; a number before a name is above 0, up to `most`.

    groups: terms may be grouped, `0.95*(d4+0.5*blur)`. Raises UnknownName for a name that is not known, UsageError for
    text that is no such sum.
    """
    what = f'{where}: {key} = "{text}"'

    def term(part: str) -> Term:
        group = _GROUP.fullmatch(part) if groups else None
        if group is None:
            return _term(part, what, key, known, where, most)
        inside = group["inside"].removesuffix(")")
        if inside == group["inside"] or not inside.strip():
            raise UsageError(f'{what}: "{part}": write a group as 0.95*(first+0.5*second)')
        weight = _weight(group["number"], "(...)", what, most) if group["number"] else None
        return Term("", weight, terms=parse_terms(inside, key, known, where, most, groups))

    return tuple(term(part.strip()) for part in _split(text))


def leaves(terms: Iterable[Term]) -> Iterator[Term]:
    """Terms that have a name, in order, those in groups too."""
    for term in terms:
        yield from leaves(term.terms) if term.terms else (term,)


def parse_term(text: str, key: str, known: Collection[str], where: str) -> Term:
    """One name with its options, without a number; raises as `parse_terms` does."""
    name, options = _options(text.strip(), f'{where}: {key} = "{text}"')
    if name not in known:
        raise UnknownName(key, name, known, where)
    return Term(name, options=options)


def _term(part: str, what: str, key: str, known: Collection[str], where: str, most: float) -> Term:
    head, options = _options(part, what)
    number, times, name = head.rpartition("*")
    number, name = number.strip(), name.strip()
    if name not in known:
        if meant := _meant(head, known):
            raise UsageError(f'{what}: "{part}" is not a valid term; write it as {meant}{part[len(head) :]}')
        raise UnknownName(key, name, known, where)
    if not times:
        return Term(name, options=options)
    return Term(name, _weight(number, name, what, most), options)


def _weight(number: str, name: str, what: str, most: float) -> float:
    """The number before a name; UsageError if it is none above 0, up to `most`."""
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= most or weight == inf:
        limit = "" if most == inf else f", up to {most:g}"
        raise UsageError(f'{what}: "{number}" is not a number above 0{limit}; write it as 0.5*{name}')
    return weight


def _split(text: str) -> Iterator[str]:
    """Parts between the plus signs that stand outside of parentheses."""
    start = depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "+" and depth <= 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _options(part: str, what: str) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """Split off the options in parentheses, which are a TOML table without its braces."""
    head, opened, inside = part.partition("(")
    if not opened:
        return head, ()
    try:
        document = tomllib.loads(f"options = {{{inside.removesuffix(')')}}}")
    except tomllib.TOMLDecodeError:
        document = {}
    if not inside.endswith(")") or document.keys() != {"options"}:
        raise UsageError(f'{what}: "{part}": write options as {head.strip()}(name=0.5, other=2)')
    return head.rstrip(), frozen(document["options"])


def _meant(part: str, known: Collection[str]) -> str | None:
    """A number and a name in another form than 0.5*name: without the star, or the name first."""
    words = re.fullmatch(r"([0-9.]+)[\s*]*([a-z]\w*)|([a-z]\w*)[\s*]*([0-9.]+)", part)
    if words is None:
        return None
    number, name = words[1] or words[4], words[2] or words[3]
    return f"{number}*{name}" if name in known else None
