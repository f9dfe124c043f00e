"""Check of documents against the types that declare them.

In: values as a parser of JSON returns them, and a type: a dataclass, a TypedDict, or what these hold. Out: a value of
that type, or an error that names the place. Kinds are exact: true is no number, an integer is one. A key that the type
lacks is refused by name, since a newer release may mean something by it. Stays outside: digests and formats, which
`core.signing` checks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from core.command import Command
from core.errors import Damaged, UserError

T = TypeVar("T")
Check = Callable[[Any, str], Any]  # value and its place -> value of the type
SHOWN = 40  # characters of a value that are repeated
WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    NoneType: "null",
}
SCALARS: dict[Any, tuple[type, ...]] = {
    int: (int,), float: (float, int), str: (str,), bool: (bool,), NoneType: (NoneType,),
}  # fmt: skip


class Misfit(Exception):
    """Value of another kind than declared, at a place such as `members[0].weight`."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place.removeprefix('.') or 'the document'} {what}")


class UnknownKey(Misfit):
    """Key that the type does not declare."""


def fit(value: Any, kind: type[T], where: Path | str, again: Command | None = None) -> T:
    """Check a value that was read from the file `where`; dataclasses are built, lists become tuples where declared so.

    again: command that makes the file again, if there is one. Raises Damaged for a value of another kind and for a
    lacking key, UserError for an unknown key: the file may be of a newer release, and is not to be made again.
    """
    try:
        check: Any = _check
        checked: T = check(kind)(value, "")
    except UnknownKey as error:
        raise UserError(f"{where}: {error}; update the suite, or correct the file") from None
    except Misfit as error:
        raise Damaged(f"{where}: {error}; make it again", again) from None
    return checked


@cache
def _check(kind: Any) -> Check:
    """Check of one type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda value, place: value
    if kind in SCALARS:
        return lambda value, place: value if type(value) in SCALARS[kind] else _refuse(value, place, WORDS[kind])
    if origin is Literal:
        words = " or ".join(map(repr, arguments))
        return lambda value, place: (
            value if any(value is each or (type(value) is str and value == each) for each in arguments)
            else _refuse(value, place, words)
        )  # fmt: skip
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _row(arguments)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _list(arguments[0], tuple if origin is tuple else list)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _table(arguments[1])
    return _object(kind)


def _union(kinds: Sequence[Any]) -> Check:
    nullable, others = NoneType in kinds, [each for each in kinds if each is not NoneType]

    def check(value: Any, place: str) -> Any:
        if value is None and nullable:
            return None
        *first, last = others
        for kind in first:
            try:
                return _check(kind)(value, place)
            except Misfit:
                continue
        return _check(last)(value, place)

    return check


def _list(kind: Any, build: Callable[[Any], Any]) -> Check:
    exact = SCALARS.get(kind)

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, list | tuple):
            _refuse(value, place, "a list")
        if exact and set(map(type, value)) <= set(exact):  # thousands of record ids: no call for each
            return build(value)
        return build([_check(kind)(each, f"{place}[{index}]") for index, each in enumerate(value)])

    return check


def _row(kinds: Sequence[Any]) -> Check:
    def check(value: Any, place: str) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(kinds):
            _refuse(value, place, f"a list of {len(kinds)}")
        return tuple(_check(kind)(each, f"{place}[{index}]") for index, (kind, each) in enumerate(zip(kinds, value)))

    return check


def _table(kind: Any) -> Check:
    def check(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            _refuse(value, place, "an object")
        return {key: _check(kind)(each, f"{place}.{key[:SHOWN]}") for key, each in value.items()}

    return check


def _object(kind: Any) -> Check:
    """Check of a dataclass or a TypedDict."""
    hints = get_type_hints(kind)
    if is_typeddict(kind):
        # Under deferred annotations a TypedDict takes every key for a required one.
        full = get_type_hints(kind, include_extras=True)
        needed = {key for key in kind.__required_keys__ if get_origin(full[key]) is not NotRequired}
    elif is_dataclass(kind):
        given = [each for each in fields(kind) if each.init]
        hints = {each.name: hints[each.name] for each in given}
        needed = {each.name for each in given if each.default is MISSING and each.default_factory is MISSING}
    else:
        raise TypeError(f"no document holds {kind}")

    def check(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            _refuse(value, place, "an object")
        for key in hints:
            if key in needed and key not in value:
                raise Misfit(place, f"lacks {key}")
        for key in value:
            if key not in hints:
                raise UnknownKey(place, f"has the key {key[:SHOWN]!r}, which this version does not know")
        found = {key: _check(hints[key])(each, f"{place}.{key}") for key, each in value.items()}
        try:
            return found if is_typeddict(kind) else kind(**found)
        except UserError as error:
            raise Misfit(place, f"is invalid ({error.what})") from error

    return check


def _refuse(value: Any, place: str, wanted: str) -> Any:
    text = repr(value)
    raise Misfit(place, f"is {text[:SHOWN]}{'...' if len(text) > SHOWN else ''}, not {wanted}")
