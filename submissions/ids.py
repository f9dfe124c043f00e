"""Check of record ids: strings, always; which are expected, and in which order.

In: the ids of a file with their lines, the ids expected. Out: faults. Stays outside: run lengths.
Ids have up to 19 digits, more than a double holds: an id that was converted to a float has lost its last ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from submissions.rle_errors import Trouble

_TEXT = "read and write ids as text (pandas: dtype=str)"
_NAMED = 5


@dataclass(frozen=True)
class Expectation:
    """Ids that a file must hold, and their order; None if they are not known."""

    ids: frozenset[str] | None
    order: tuple[str, ...] | None
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # ids not expected: the splits that hold them

    @classmethod
    def of(
        cls, ids: Sequence[str] | None, sample: Sequence[str] | None, elsewhere: Mapping[str, str] | None = None
    ) -> Expectation:
        """Expect these ids, in the sample's order if it lists all of them."""
        known = None if ids is None else frozenset(ids)
        fits = sample is not None and (known is None or frozenset(sample) == known)
        if fits and sample is not None:
            return cls(frozenset(sample), tuple(sample), elsewhere or {})
        return cls(known, None, elsewhere or {})

    @cached_property
    def by_float(self) -> Mapping[float, str]:
        """Ids by their value as a double."""
        return {float(each): each for each in self.ids or () if each.isdecimal()}

    @cached_property
    def by_fold(self) -> Mapping[str, str]:
        """Ids by their form without the zeros, blanks and capitals that tools add or drop."""
        return {_fold(each): each for each in self.ids or ()}


def explain_id(record_id: str, expected: Expectation) -> Trouble | None:
    """Explain an id that is malformed or not expected; None if it is neither."""
    if expected.ids is not None and record_id in expected.ids:
        return None
    return _explain_form(record_id) or (None if expected.ids is None else _explain_unknown(record_id, expected))


def explain_new_id(record_id: object) -> Trouble | None:
    """Explain an id that cannot be written to a csv as it is; None if it can."""
    if not isinstance(record_id, str):
        return Trouble(f"an id of type {type(record_id).__name__}", _TEXT)
    if any(sign in record_id for sign in ',"'):
        return Trouble("the id holds a comma or a quote", "rename the record")
    return _explain_form(record_id)


def check_ids(lines: Mapping[str, int], expected: Expectation) -> Iterator[tuple[int | None, str | None, str, str]]:
    """Yield faults of the whole file: missing ids, another order than the sample's."""
    if expected.ids is None:
        return
    missing = sorted(expected.ids - lines.keys())
    if missing:
        named = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        what = f"{len(missing)} of {len(expected.ids)} ids missing: {named}"
        yield None, missing[0] if len(missing) == 1 else None, what, 'add them ("-" for an empty mask)'
    elif expected.order:
        yield from _check_order(lines, expected.order)


def _check_order(lines: Mapping[str, int], order: Sequence[str]) -> Iterator[tuple[int, str, str, str]]:
    expected = set(order)
    ours = [record_id for record_id in lines if record_id in expected]
    away = [(mine, theirs) for mine, theirs in zip(ours, order) if mine != theirs]
    if away:
        mine, theirs = away[0]
        what = f"{len(away)} rows in another order than sample_submission.csv, which has {theirs} here"
        yield lines[mine], mine, what, "write the rows in the sample's order"


def _explain_form(record_id: str) -> Trouble | None:
    if not record_id.strip():
        return Trouble("the id is empty", "write the record's id")
    if re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", record_id, re.ASCII):
        return Trouble("the id has gone through a float and lost digits", _TEXT)
    if re.fullmatch(r"[0-9]+\.0*", record_id, re.ASCII):
        return Trouble("the id ends as a float does; it may have lost digits", _TEXT)
    if re.fullmatch(r"-[0-9]+", record_id, re.ASCII):
        return Trouble("the id is negative: an integer has overflowed", _TEXT)
    if record_id.lower() in ("nan", "none", "null", "inf"):
        return Trouble("the id is missing", _TEXT)
    if record_id != record_id.strip():
        return Trouble("blanks around the id", "strip them")
    if not record_id.isascii() and record_id.isdigit():
        return Trouble("the id's digits are not ASCII", "write the digits 0 to 9")
    if not record_id.isprintable():
        return Trouble("the id holds unprintable characters", _TEXT)
    return None


def _explain_unknown(record_id: str, expected: Expectation) -> Trouble:
    other = expected.elsewhere.get(record_id)
    if other:
        what = f"the id belongs to {other}, which is not expected here"
        return Trouble(what, "remove the row, or name the file's own --split")
    near = expected.by_fold.get(_fold(record_id))
    if near:
        return Trouble(f"unknown id; {near} is expected", f"write it as {near}")
    near = expected.by_float.get(float(record_id)) if record_id.isdecimal() else None
    if near:
        return Trouble(f"unknown id: {near} through a float, its digits lost", _TEXT)
    return Trouble("unknown id", "remove the row, or name the --data and --split that hold it")


def _fold(record_id: str) -> str:
    return record_id.strip().strip("'").lower().lstrip("0").removesuffix(".npy")
