"""Masks as numpy arrays: bool."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from submissions.formats.folder import Codec, write_folder
from submissions.formats.registry import FORMATS, Asked, Prediction
from submissions.write import Written


@FORMATS.register("npy", folder=True, needs=(), placed=False, probability=False)
def npy(out: Path, predictions: Iterable[Prediction], asked: Asked) -> Written:
    """<record_id>.npy, (256, 256) bool."""
    return write_folder(out, predictions, asked, Codec("npy", ".npy", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """The bytes of one file."""
    return array_bytes(prediction.mask)


def agrees(data: bytes, prediction: Prediction) -> bool:
    """Whether the file holds this mask."""
    return same_array(data, prediction.mask)


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array in numpy's own format, in C order."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def same_array(data: bytes, array: NDArray[Any]) -> bool:
    """Whether these are the bytes of this array, type included."""
    found = np.load(io.BytesIO(data), allow_pickle=False)
    return found.dtype == array.dtype and bool(np.array_equal(found, array))
