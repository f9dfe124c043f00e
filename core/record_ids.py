"""Record ids that were changed by a float or a spreadsheet: the kind of change, and the original id.

Ids are strings of up to 19 digits, more than a double holds: conversion to a float changes the last ones.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

AS_TEXT = "read and write ids as text (pandas: dtype=str)"
Explained = tuple[str, str]  # what is wrong, and what to do about it


@dataclass(frozen=True)
class KnownIds:
    """Ids in which to look up the original of a changed one."""

    ids: frozenset[str]

    @classmethod
    def of(cls, ids: Iterable[str]) -> "KnownIds":
        """Known ids, in any order."""
        return cls(frozenset(ids))

    def original(self, record_id: str) -> tuple[str, Explained] | None:
        """Known id that was changed into this one, and the change; None if there is none.

        >>> KnownIds.of(["1000216489776414077"]).original("1000216489776414080")
        ('1000216489776414077', ('through a float, its digits lost', 'read and write ids as text (pandas: dtype=str)'))
        """
        near = self._by_core.get(_core(record_id)) or self._by_core.get(_core(re.sub(r"\.0*$", "", record_id)))
        if near:
            return near, explain_form(record_id) or ("with other signs, zeros or capitals", f"write it as {near}")
        near = self._by_float.get(float(record_id)) if re.fullmatch(r"[0-9]+(\.0*)?", record_id, re.ASCII) else None
        return (near, ("through a float, its digits lost", AS_TEXT)) if near else None

    @cached_property
    def _by_float(self) -> Mapping[float, str]:
        return {float(each): each for each in sorted(self.ids) if each.isdecimal()}

    @cached_property
    def _by_core(self) -> Mapping[str, str]:
        return {_core(each): each for each in sorted(self.ids)}


def explain_form(record_id: str) -> Explained | None:
    """Explain what happened to an id, and the remedy, if its form alone shows it; None otherwise."""
    if not record_id.strip():
        return "the id is empty", "write the record's id"
    if re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", record_id, re.ASCII):
        return "the id has gone through a float and lost digits", AS_TEXT
    if re.fullmatch(r"[0-9]+\.0*", record_id, re.ASCII):
        return "the id ends as a float does; it may have lost digits", AS_TEXT
    if re.fullmatch(r"-[0-9]+", record_id, re.ASCII):
        return "the id is negative: an integer has overflowed", AS_TEXT
    if record_id.lower() in ("nan", "none", "null", "inf"):
        return "the id is missing", AS_TEXT
    if record_id != record_id.strip():
        return "blanks around the id", "strip them"
    if not record_id.isascii() and record_id.isdigit():
        return "the id's digits are not ASCII", "write the digits 0 to 9"
    if not record_id.isprintable():
        return "the id holds unprintable characters", AS_TEXT
    return None


def _core(record_id: str) -> str:
    """Id without the zeros, blanks, quotes and capitals that tools add or drop."""
    return record_id.strip().strip("'").lower().lstrip("0").removesuffix(".npy")
