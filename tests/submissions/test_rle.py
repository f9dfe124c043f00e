"""Cells are what the rules say, whoever codes them."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.errors import UserError
from submissions import rle_decode, rle_encode, rle_encode_csr, rle_encode_pixels
from submissions.cells import explain_cell, mask_of, read_cell
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


@pytest.mark.parametrize("mask", NAMED.values(), ids=NAMED.keys())
def test_both_oracles_and_every_coder_agree(mask: Mask) -> None:
    cell = encode_literally(mask)
    assert encode_by_diff(mask) == cell
    assert rle_encode(mask) == cell
    assert rle_encode_pixels(np.flatnonzero(mask)) == cell
    for decoded in (decode_literally(cell), decode_by_diff(cell), rle_decode(cell), mask_of(read_cell(cell))):
        assert_array_equal(decoded, mask)


@given(masks())
def test_a_mask_comes_back_from_its_cell(mask: Mask) -> None:
    cell = rle_encode(mask)
    assert cell == encode_by_diff(mask)
    assert_array_equal(rle_decode(cell), mask)
    assert_array_equal(mask_of(read_cell(cell)), mask)


@pytest.mark.filterwarnings("ignore:__array__")
@pytest.mark.parametrize("mask", NAMED.values(), ids=NAMED.keys())
def test_pycocotools_codes_the_same_runs(mask: Mask) -> None:
    assert encode_by_coco(mask) == coco_of_cell(rle_encode(mask))
    assert_array_equal(decode_by_coco(rle_encode(mask)), mask)


@pytest.mark.filterwarnings("ignore:__array__")
@given(masks())
def test_pycocotools_decodes_every_cell(mask: Mask) -> None:
    assert_array_equal(decode_by_coco(rle_encode(mask)), mask)


def test_the_example_of_the_official_text() -> None:
    assert_array_equal(np.flatnonzero(rle_decode("1 3 10 5").T) + 1, [1, 2, 3, 10, 11, 12, 13, 14])


def test_an_empty_mask_is_a_hyphen() -> None:
    assert rle_encode(np.zeros((256, 256), bool)) == "-"
    assert not rle_decode("-").any()


def test_a_cell_runs_down_first() -> None:
    mask = np.zeros((256, 256), bool)
    mask[0, 1] = True
    assert rle_encode(mask) == "257 1"


@given(st.lists(masks(), max_size=5), st.randoms())
def test_records_coded_from_their_pixels_are_those_coded_from_masks(many: list[Mask], random) -> None:
    pixels = [np.flatnonzero(mask).astype(np.int32) for mask in many]
    pointer = np.cumsum([0, *map(len, pixels)])
    whole = np.concatenate([np.empty(0, np.int32), *pixels])
    assert rle_encode_csr(pointer, whole) == [rle_encode(mask) for mask in many]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_only_the_kept_pixels_are_coded(dtype: type, rng: np.random.Generator) -> None:
    active = [np.flatnonzero(rng.random(65536) < 0.02) for _ in range(4)] + [np.array([], int)]
    kept = [rng.random(len(each)) < 0.4 for each in active]
    expected = []
    for each, chosen in zip(active, kept):
        flat = np.zeros(65536, bool)
        flat[each[chosen]] = True
        expected.append(encode_by_diff(flat.reshape(256, 256)))
    pointer = np.cumsum([0, *map(len, active)])
    found = rle_encode_csr(pointer, np.concatenate(active).astype(dtype), np.concatenate(kept))
    assert found == expected


@pytest.mark.parametrize("pixels", [[5, 3], [3, 3], [-1, 2], [1, 65536]], ids=str)
def test_pixels_that_do_not_ascend_are_refused(pixels: list[int]) -> None:
    with pytest.raises(UserError, match="record number 0"):
        rle_encode_pixels(np.array(pixels))


@pytest.mark.parametrize("pointer", [[0, 9], [1, 2], [], [0, 2, 1, 2]], ids=str)
def test_a_pointer_that_leaves_the_pixels_is_refused(pointer: list[int]) -> None:
    with pytest.raises(UserError, match="pointer"):
        rle_encode_csr(np.array(pointer, int), np.array([1, 2]))


@pytest.mark.parametrize("make", [np.asfortranarray, lambda mask: mask.T.copy().T, lambda mask: mask.astype(int)])
def test_the_memory_layout_of_a_mask_does_not_matter(make, rng: np.random.Generator) -> None:
    mask = rng.random((256, 256)) < 0.1
    assert rle_encode(make(mask)) == encode_by_diff(mask)
    wide = np.zeros((512, 512), bool)
    wide[::2, ::2] = mask
    assert rle_encode(wide[::2, ::2]) == encode_by_diff(mask)


def test_a_true_that_is_not_one_is_true() -> None:
    odd = np.full((256, 256), 255, np.uint8).view(bool)
    assert rle_encode(odd) == "1 65536"


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((128, 256), bool), "shape"),
        (np.zeros((1, 256, 256), bool), "shape"),
        (np.full((256, 256), 0.4), "threshold"),
        (np.full((256, 256), 255, np.uint8), "threshold"),
        (np.full((256, 256), np.nan), "threshold"),
    ],
)
def test_what_is_no_mask_is_refused(mask: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words):
        rle_encode(mask)


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
    "1.0 3.0": "no whole number",
    "1e3 3": "no whole number",
    "01 3": "leading zeros",
    "+1 3": r"'\+'",
    "1 3 -": "stands alone",
    "[1 3]": "around the runs",
    "1:3": "':'",
    "1;3": "SEMICOLON",
    "１ 3": "no ASCII digit",
    "١ ٣": "ARABIC-INDIC",
    "1 3 x": "'x'",
    "1 −3": "MINUS SIGN",
}


@pytest.mark.parametrize("cell", WRONG, ids=repr)
def test_a_cell_that_breaks_a_rule_is_refused_in_words(cell: str) -> None:
    assert read_cell(cell) is None
    with pytest.raises(UserError, match=WRONG[cell]):
        rle_decode(cell)


@given(st.text("0123456789 -", max_size=14) | st.text(max_size=6))
def test_what_one_decoder_refuses_the_other_refuses_with_a_reason(cell: str) -> None:
    sound = read_cell(cell)
    assert bool(explain_cell(cell)) == (sound is None)
    try:
        assert_array_equal(rle_decode(cell), mask_of(sound))
    except UserError:
        assert sound is None


def test_runs_that_touch_are_legal() -> None:
    assert rle_decode("1 3 4 2").sum() == 5


def test_a_number_of_a_hundred_thousand_digits_is_refused_in_few_words() -> None:
    with pytest.raises(UserError, match="beyond") as caught:
        rle_decode("9" * 100_000 + " 1")
    assert len(str(caught.value)) < 300


def test_the_front_door_opens_without_the_compiler_and_torch() -> None:
    heavy = ("numba", "torch", "pandas", "scipy", "zoo")
    probe = f"import submissions, sys; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
