"""Run-length coding by the competition's rules: masks to cells and back.

A cell is "start length start length ..." over the pixels numbered from 1, top to bottom, then left to right;
runs are sorted and do not overlap; an empty mask is "-". (Official evaluation text of the competition.)
In: masks or sorted pixel numbers. Out: cells. Stays outside: files.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from submissions.cells import EMPTY, SIDE, explain_cell


def rle_encode(mask: NDArray[np.bool_]) -> str:
    """The cell of one mask, (256, 256) bool; "-" where it is empty.

    Raises UserError for another shape, and for values that are no mask (a probability, 255).
    """
    from submissions.kernels import encode_dense

    text = encode_dense(_as_mask(mask).view(np.uint8))
    return text.tobytes().decode("ascii") if len(text) else EMPTY


def rle_encode_csr(
    pointer: NDArray[np.integer], pixels: NDArray[np.integer], kept: NDArray[np.bool_] | None = None
) -> list[str]:
    """The cells of n records from their foreground pixels, without making a mask.

    pointer: (n + 1,) where each record's pixels begin and end;
    pixels: (nnz,) row * 256 + column, ascending in each record; kept: (nnz,) bool, the foreground among them.
    Raises UserError, with the record's number, where they are not ascending or not in 0..65535.
    """
    from submissions.kernels import encode_csr

    _check_csr(pointer, pixels, kept)
    chosen = np.empty(0, bool) if kept is None else np.ascontiguousarray(kept, bool)
    text, ends, bad = encode_csr(np.ascontiguousarray(pointer), np.ascontiguousarray(pixels), chosen)
    if bad >= 0:
        raise UserError(f"record number {bad}: its pixels must ascend within 0..{SIDE * SIDE - 1}; sort them")
    whole = text.tobytes().decode("ascii")
    bounds = [0, *ends.tolist()]
    return [whole[first : last - 1] if last > first else EMPTY for first, last in pairwise(bounds)]


def rle_encode_pixels(pixels: NDArray[np.integer]) -> str:
    """The cell of one record from its foreground pixels, (n,) row * 256 + column, ascending."""
    return rle_encode_csr(np.array([0, len(pixels)]), pixels)[0]


def rle_decode(text: str) -> NDArray[np.bool_]:
    """The mask of one cell, (256, 256) bool, C order; raises UserError that says which rule it breaks."""
    from submissions.kernels import decode

    mask = np.zeros((SIDE, SIDE), np.uint8)
    if text == EMPTY:
        return mask.view(bool)
    if not text.isascii() or not decode(np.frombuffer(text.encode(), np.uint8), mask):
        trouble = explain_cell(text)[0]
        raise UserError(f"cell {text[:40]!r}: {trouble.what}; {trouble.todo}")
    return mask.view(bool)


def _as_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask as bool in C order; 0 and 1 of any number type are taken."""
    mask = np.asarray(mask)
    if mask.shape != (SIDE, SIDE):
        raise UserError(f"mask of shape {mask.shape}: must be ({SIDE}, {SIDE}); resize before the threshold")
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise UserError(f"mask of {mask.dtype} with other values than 0 and 1; apply the threshold first")
    return np.ascontiguousarray(mask, dtype=bool)


def _check_csr(pointer: NDArray[np.integer], pixels: NDArray[np.integer], kept: NDArray[np.bool_] | None) -> None:
    # The compiled loop trusts the pointer; a wrong one would read foreign memory.
    steps = np.diff(pointer.astype(np.int64))
    if not len(pointer) or pointer[0] != 0 or pointer[-1] != len(pixels) or (steps < 0).any():
        raise UserError(f"pointer must ascend from 0 to the number of pixels, {len(pixels)}")
    if kept is not None and len(kept) != len(pixels):
        raise UserError(f"kept has {len(kept)} values for {len(pixels)} pixels; give one for each")
