"""Documents are values of the types that declare them, or are refused with the place and the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Damaged, UserError
from core.schema import fit


@dataclass(frozen=True)
class Part:
    """Part of a document, with a check of its own."""

    name: str
    weight: int = 1
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise UserError("the weight is negative; raise it")


class Whole(TypedDict):
    """Document."""

    parts: tuple[Part, ...]
    table: Mapping[str, float]
    mode: Literal["a", "b"]
    rows: NotRequired[list[tuple[int, int]]]
    free: NotRequired[Any]
    either: NotRequired[str | list[str]]


VALID = {"parts": [{"name": "x", "bounds": [0, 1.5]}], "table": {"k": 1}, "mode": "a", "rows": [[1, 2]], "free": [{}]}


def test_a_document_becomes_a_value_of_its_type():
    found = fit(VALID, Whole, "a.json")
    assert found["parts"] == (Part("x", 1, (0, 1.5)),)
    assert found["rows"] == [(1, 2)]
    assert found["table"] == {"k": 1}
    assert fit({"x": [1, 2]}, dict[str, list[int]], "a.json") == {"x": [1, 2]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parts": 3}, "parts is 3, not a list"),
        ({"parts": [3]}, r"parts\[0\] is 3, not an object"),
        ({"parts": [{}]}, r"parts\[0\] lacks name"),
        ({"parts": [{"name": None}]}, r"parts\[0\].name is None, not a text"),
        ({"parts": [{"name": "x", "weight": True}]}, r"parts\[0\].weight is True, not a whole number"),
        ({"parts": [{"name": "x", "weight": 1.0}]}, "not a whole number"),
        ({"parts": [{"name": "x", "weight": -1}]}, r"parts\[0\] is invalid \(the weight is negative"),
        ({"parts": [{"name": "x", "bounds": [1]}]}, r"bounds is \[1\], not a list of 2"),
        ({"table": {"k": "1"}}, "table.k is '1', not a number"),
        ({"table": []}, r"table is \[\], not an object"),
        ({"mode": "c"}, "mode is 'c', not 'a' or 'b'"),
        ({"mode": []}, "not 'a' or 'b'"),
        ({"rows": [[1, 2], [1, 2.5]]}, r"rows\[1\]\[1\] is 2.5"),
        ({"rows": None}, "rows is None"),
        ({"either": [1]}, r"either\[0\] is 1"),
        ({"table": {"x" * 1000: None}}, "table.x{40} is None"),
    ],
)
def test_another_kind_is_damaged_and_named_with_its_place(changes, words):
    with pytest.raises(Damaged, match=f"^a.json: .*{words}"):
        fit(VALID | changes, Whole, "a.json")


def test_an_unknown_key_is_named_and_nothing_is_made_again_for_it():
    for document in (VALID | {"extra": 1}, VALID | {"parts": [{"name": "x", "extra": 1}]}):
        with pytest.raises(UserError, match="has the key 'extra', which this version does not know; update") as caught:
            fit(document, Whole, "a.json")
        assert not isinstance(caught.value, Damaged)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*VALID, "name"]), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_any_document_fits_or_is_refused_in_one_line(document):
    try:
        fit(document, Whole, "a.json")
    except UserError as error:
        assert len(str(error).splitlines()) == 1


@given(st.lists(st.integers() | st.booleans() | st.text(max_size=2), max_size=5))
def test_a_long_list_of_one_kind_is_checked_like_its_values(values):
    fits = all(type(each) is int for each in values)
    try:
        assert fit(values, list[int], "a") == values and fits
    except Damaged:
        assert not fits
