"""Run-length encoding follows the competition's rules, by every oracle."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from core.errors import UserError
from submissions import decode, encode
from submissions.rle import mask_of_runs, read_runs
from submissions.rle_errors import explain_rle
from tests.submissions.cases import (
    Mask,
    coco_of_cell,
    decode_by_coco,
    decode_by_diff,
    decode_literally,
    encode_by_coco,
    encode_by_diff,
    encode_literally,
    masks,
    named_masks,
)

NAMED = named_masks()
SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9)


@pytest.mark.parametrize("mask", NAMED.values(), ids=NAMED.keys())
def test_both_oracles_and_every_coder_agree(mask: Mask) -> None:
    text = encode_literally(mask)
    assert encode_by_diff(mask) == text
    assert encode(mask) == text
    for decoded in (decode_literally(text), decode_by_diff(text), decode(text)):
        assert_array_equal(decoded, mask)


@given(masks())
def test_a_mask_comes_back_from_its_text(mask: Mask) -> None:
    text = encode(mask)
    assert text == encode_by_diff(mask)
    assert_array_equal(decode(text), mask)


@given(SHAPES.flatmap(lambda shape: arrays.arrays(bool, shape)))
def test_a_mask_of_any_shape_comes_back_from_its_text(mask: Mask) -> None:
    assert encode(mask) == encode_literally(mask)
    assert_array_equal(decode(encode(mask), mask.shape), mask)


@pytest.mark.filterwarnings("ignore:__array__")
@pytest.mark.parametrize("mask", NAMED.values(), ids=NAMED.keys())
def test_pycocotools_codes_the_same_runs(mask: Mask) -> None:
    assert encode_by_coco(mask) == coco_of_cell(encode(mask))
    assert_array_equal(decode_by_coco(encode(mask)), mask)


@pytest.mark.filterwarnings("ignore:__array__")
@given(masks())
def test_pycocotools_decodes_every_text(mask: Mask) -> None:
    assert_array_equal(decode_by_coco(encode(mask)), mask)


def test_the_example_of_the_official_text() -> None:
    assert_array_equal(np.flatnonzero(decode("1 3 10 5").T) + 1, [1, 2, 3, 10, 11, 12, 13, 14])


def test_an_empty_mask_is_a_hyphen() -> None:
    assert encode(np.zeros((256, 256), bool)) == encode(np.zeros((0, 3), bool)) == "-"
    assert not decode("-").any()


@pytest.mark.parametrize("make", [np.asfortranarray, lambda mask: mask.T.copy().T, lambda mask: mask.astype(int)])
def test_the_memory_layout_of_a_mask_does_not_matter(make, rng: np.random.Generator) -> None:
    mask = rng.random((256, 256)) < 0.1
    assert encode(make(mask)) == encode_by_diff(mask)
    wide = np.zeros((512, 512), bool)
    wide[::2, ::2] = mask
    assert encode(wide[::2, ::2]) == encode_by_diff(mask)


def test_a_true_that_is_not_one_is_true() -> None:
    odd = np.full((256, 256), 255, np.uint8).view(bool)
    assert encode(odd) == "1 65536"


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros(256, bool), "shape"),
        (np.zeros((1, 256, 256), bool), "shape"),
        (np.full((256, 256), 0.4), "threshold"),
        (np.full((256, 256), 255, np.uint8), "threshold"),
        (np.full((256, 256), np.nan), "threshold"),
    ],
)
def test_an_array_that_is_no_mask_is_refused(mask: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words):
        encode(mask)


WRONG = {
    "": "empty cell",
    " ": "mask is expected",
    "nan": "nan",
    "–": "EN DASH",
    "1": "odd count",
    "1 2 3": "odd count",
    "0 3": "start 0",
    "1 0": "length 0",
    "-1 3": "negative",
    "1 -3": "negative",
    "65536 2": "beyond pixel 65536",
    "70000 1": "beyond pixel 65536",
    "99999999999999999999999 1": "beyond",
    "1 65537": "beyond",
    "9 1 3 1": "after start 9",
    "1 3 3 2": "overlaps run 1 3",
    "1 3 1 3": "overlaps",
    "1 3  9 2": "two spaces",
    " 1 3": "space at the start",
    "1 3 ": "space at the start or the end",
    "1\t3": "CHARACTER|control",
    "1\xa03": "NO-BREAK SPACE",
    "1.0 3.0": "is not an integer",
    "1e3 3": "is not an integer",
    "01 3": "leading zeros",
    "+1 3": r"'\+'",
    "1 3 -": "stands alone",
    "[1 3]": "around the runs",
    "1:3": "':'",
    "1;3": "SEMICOLON",
    "１ 3": "not an ASCII digit",
    "١ ٣": "ARABIC-INDIC",
    "1 3 x": "'x'",
    "1 −3": "MINUS SIGN",
}


@pytest.mark.parametrize("text", WRONG, ids=repr)
def test_text_that_breaks_a_rule_is_refused_in_words(text: str) -> None:
    assert read_runs(text) is None
    with pytest.raises(UserError, match=WRONG[text]):
        decode(text)


@given(st.text("0123456789 -", max_size=14) | st.text(max_size=6), st.integers(0, 12))
def test_text_is_refused_if_and_only_if_there_is_an_explanation(text: str, side: int) -> None:
    runs = read_runs(text, side * side)
    assert bool(explain_rle(text, (side, side))) == (runs is None)
    try:
        assert_array_equal(decode(text, (side, side)), mask_of_runs(runs, (side, side)))
    except UserError:
        assert runs is None


def test_runs_that_touch_are_legal() -> None:
    assert decode("1 3 4 2").sum() == 5


def test_a_number_of_a_hundred_thousand_digits_is_refused_in_few_words() -> None:
    with pytest.raises(UserError, match="beyond") as caught:
        decode("9" * 100_000 + " 1")
    assert len(str(caught.value)) < 300


def test_the_library_is_imported_without_compiler_tables_and_torch() -> None:
    heavy = ("numba", "torch", "pandas", "scipy", "zoo", "ensemble")
    probe = f"import submissions, sys; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
