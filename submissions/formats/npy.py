"""Masks as numpy arrays: bool."""

import io
from collections.abc import Callable, Iterable
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
    return write_folder(out, predictions, options, CODEC)


def array_codec(name: str, array_of: Callable[[Prediction], NDArray[Any]]) -> Codec:
    """Codec of one array per record in numpy's format, in C order, with its dtype and values unchanged."""

    def encode(prediction: Prediction) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array_of(prediction)), allow_pickle=False)
        return buffer.getvalue()

    def agrees(data: bytes, prediction: Prediction) -> bool:
        found, array = np.load(io.BytesIO(data), allow_pickle=False), array_of(prediction)
        return found.dtype == array.dtype and bool(np.array_equal(found, array))

    return Codec(name, ".npy", encode, agrees)


CODEC = array_codec("npy", lambda prediction: prediction.mask)
