"""Masks as numpy arrays: bool."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from submissions.formats import FORMATS, Prediction, WriteOptions
from submissions.formats._folder import Codec, write_folder
from submissions.write import Written


@FORMATS.register("npy")
def npy(out: Path, predictions: Iterable[Prediction], options: WriteOptions) -> Written:
    """Write <record_id>.npy, (256, 256) bool."""
    return write_folder(out, predictions, options, Codec("npy", ".npy", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """Encode one file."""
    return array_bytes(prediction.mask)


def agrees(data: bytes, prediction: Prediction) -> bool:
    """True if the file holds this mask."""
    return same_array(data, prediction.mask)


def array_bytes(array: NDArray[Any]) -> bytes:
    """Bytes of an array in numpy's format, in C order."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def same_array(data: bytes, array: NDArray[Any]) -> bool:
    """True if these are the bytes of this array, of the same dtype."""
    found = np.load(io.BytesIO(data), allow_pickle=False)
    return found.dtype == array.dtype and bool(np.array_equal(found, array))
