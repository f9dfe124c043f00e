"""Check of record ids, which are strings: their form, which are expected, and their order.

In: the ids of a file with their lines, the ids expected. Out: faults. Stays outside: run lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from core.record_ids import AS_TEXT, KnownIds, explain_form
from submissions.rle_errors import Trouble

_NAMED = 5


@dataclass(frozen=True)
class Expectation:
    """Ids that a file must hold, and their order; None if they are not known."""

    ids: frozenset[str] | None
    order: tuple[str, ...] | None
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # ids not expected: the splits that hold them
    part: bool = False  # the file may lack some of them

    @classmethod
    def of(
        cls,
        ids: Sequence[str] | None,
        sample: Sequence[str] | None,
        elsewhere: Mapping[str, str] | None = None,
        part: bool = False,
    ) -> Expectation:
        """Expect these ids, or a part of them, in the sample's order if it lists all."""
        known = None if ids is None else frozenset(ids)
        fits = not part and sample is not None and (known is None or frozenset(sample) == known)
        if fits and sample is not None:
            return cls(frozenset(sample), tuple(sample), elsewhere or {})
        return cls(known, None, elsewhere or {}, part)

    @cached_property
    def known(self) -> KnownIds:
        """Expected ids, in which to look up the originals of changed ones."""
        return KnownIds.of(self.ids or ())


def explain_id(record_id: str, expected: Expectation) -> Trouble | None:
    """Explain an id that is malformed or not expected; None if it is neither."""
    if expected.ids is not None and record_id in expected.ids:
        return None
    return _explain_form(record_id) or (None if expected.ids is None else _explain_unknown(record_id, expected))


def explain_new_id(record_id: object) -> Trouble | None:
    """Explain an id that cannot be written to a csv as it is; None if it can."""
    if not isinstance(record_id, str):
        return Trouble(f"an id of type {type(record_id).__name__}", AS_TEXT)
    if any(sign in record_id for sign in ',"'):
        return Trouble("the id holds a comma or a quote", "rename the record")
    return _explain_form(record_id)


def check_ids(lines: Mapping[str, int], expected: Expectation) -> Iterator[tuple[int | None, str | None, str, str]]:
    """Yield faults of the whole file: missing ids, another order than the sample's."""
    if expected.ids is None:
        return
    missing = sorted(expected.ids - lines.keys())
    if missing and not expected.part:
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
    explained = explain_form(record_id)
    return Trouble(*explained) if explained else None


def _explain_unknown(record_id: str, expected: Expectation) -> Trouble:
    other = expected.elsewhere.get(record_id)
    if other:
        what = f"the id belongs to {other}, which is not expected here"
        return Trouble(what, "remove the row, or name the file's own --split")
    found = expected.known.original(record_id)
    if found is None:
        return Trouble("unknown id", "remove the row, or name the --data and --split that hold it")
    near, (_, todo) = found
    if todo == AS_TEXT:
        return Trouble(f"unknown id: {near} through a float, its digits lost", AS_TEXT)
    return Trouble(f"unknown id; {near} is expected", todo)
