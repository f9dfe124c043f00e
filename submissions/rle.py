"""Run-length encoding by the competition's rules.

A mask is written as "start length start length ..." over its pixels, numbered from 1, top to bottom, then left to
right; runs are sorted and do not overlap; an empty mask is "-" (the competition's evaluation page).
In: masks or their text. Out: text, runs or masks. Stays outside: files.
"""

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import UserError
from submissions.rle_errors import EMPTY, explain_rle

Mask = NDArray[np.bool_]
Runs = NDArray[np.int64]

SHAPE = (256, 256)  # of the competition's masks
PIXELS = SHAPE[0] * SHAPE[1]

# Numbers without a leading zero, single spaces between them; 18 digits fit into 64 bits.
_NUMBERS = re.compile(r"[1-9][0-9]{0,17}(?: [1-9][0-9]{0,17})*", re.ASCII)


def as_mask(mask: ArrayLike) -> Mask:
    """Mask as an array (H, W) bool; UserError for another dimension, or values other than 0 and 1."""
    array = np.asarray(mask)
    if array.ndim != 2:
        raise UserError(f"mask of shape {array.shape}: must be (height, width); encode masks one by one")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise UserError(f"mask of {array.dtype} with values other than 0 and 1; apply the threshold first")
    return array.astype(bool, copy=False)


def encode(mask: ArrayLike) -> str:
    """Run-length encoding of a mask, (H, W) bool or 0 and 1; "-" if it is empty.

    Raises UserError for an array of another dimension or with other values (a probability, 255).

    >>> import numpy as np
    >>> mask = np.zeros((256, 256), bool)
    >>> mask[:3, 0] = mask[9:14, 0] = True
    >>> encode(mask)
    '1 3 10 5'
    """
    array = as_mask(mask)
    # Contrails cover less than a percent: sorting their pixels is faster than copying the mask column by column.
    rows, columns = np.divmod(np.flatnonzero(array), max(1, array.shape[1]))
    pixels = np.sort(columns * array.shape[0] + rows)
    first = np.flatnonzero(np.diff(pixels, prepend=-2) != 1)
    runs = np.stack([pixels[first] + 1, np.diff(first, append=len(pixels))], axis=1)
    return " ".join(map(str, runs.ravel().tolist())) or EMPTY


def decode(text: str, shape: tuple[int, int] = SHAPE) -> Mask:
    """Mask (H, W) bool of a run-length encoding: the exact inverse of `encode`.

    Raises UserError that says which rule the text breaks.

    >>> decode("2 2", shape=(3, 2)).astype(int).tolist()
    [[0, 0], [1, 0], [1, 0]]
    """
    runs = read_runs(text, shape[0] * shape[1])
    if runs is None:
        fault = explain_rle(text, shape)[0]
        raise UserError(f"run-length encoding {text[:40]!r}: {fault.what}; {fault.todo}")
    return mask_of_runs(runs, shape)


def read_runs(text: str, pixels: int = PIXELS) -> Runs | None:
    """Runs (n, 2), starts from 1 and lengths, of a mask of this many pixels; None if the text breaks a rule."""
    if text == EMPTY:
        return np.empty((0, 2), np.int64)
    if not _NUMBERS.fullmatch(text):
        return None
    numbers = np.fromstring(text, np.int64, sep=" ")
    if len(numbers) % 2:
        return None
    runs = numbers.reshape(-1, 2)
    ends = runs.sum(axis=1)
    if ends.max() > pixels + 1 or (runs[1:, 0] < ends[:-1]).any():
        return None
    return runs


def mask_of_runs(runs: Runs, shape: tuple[int, int] = SHAPE) -> Mask:
    """Mask (H, W) bool of valid runs (n, 2)."""
    starts, lengths = runs.T
    ends = np.cumsum(lengths)
    # The n-th pixel of all runs lies as far behind its run's start as behind the pixels of the runs before.
    pixels = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - 1 - (ends - lengths), lengths)
    flat = np.zeros(shape[0] * shape[1], bool)
    flat[pixels] = True
    return flat.reshape(shape[::-1]).T
