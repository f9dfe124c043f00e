"""Probabilities as numpy arrays: the blend before any threshold and before small components are dropped."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from submissions.formats.folder import Codec, write_folder
from submissions.formats.npy import array_bytes, same_array
from submissions.formats.registry import FORMATS, Asked, Prediction
from submissions.write import Written


@FORMATS.register("probabilities", folder=True, needs=(), placed=False, probability=True)
def probabilities(out: Path, predictions: Iterable[Prediction], asked: Asked) -> Written:
    """<record_id>.npy, (256, 256) float32 in 0..1: what `cli zoo import` takes."""
    return write_folder(out, predictions, asked, Codec("probabilities", ".npy", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """The bytes of one file."""
    return array_bytes(_probability(prediction))


def agrees(data: bytes, prediction: Prediction) -> bool:
    """Whether the file holds this map."""
    return same_array(data, _probability(prediction))


def _probability(prediction: Prediction) -> NDArray[np.float32]:
    if prediction.probability is None:
        raise UserError(f"record {prediction.id}: has no probability, only a mask; write masks instead")
    return np.asarray(prediction.probability, np.float32)
