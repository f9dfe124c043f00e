"""Probabilities as numpy arrays: the blend before any threshold and before small components are dropped."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from submissions.formats import FORMATS, Prediction, WriteOptions
from submissions.formats._folder import write_folder
from submissions.formats.npy import array_codec
from submissions.write import Written


@FORMATS.register("probabilities", probability=True)
def probabilities(out: Path, predictions: Iterable[Prediction], options: WriteOptions) -> Written:
    """Write <record_id>.npy, (256, 256) float32 in 0..1, which `cli zoo import` accepts."""
    return write_folder(out, predictions, options, CODEC)


def _probability(prediction: Prediction) -> NDArray[np.float32]:
    if prediction.probability is None:
        raise UserError(f"record {prediction.id}: has a mask but no probability; write masks instead")
    return np.asarray(prediction.probability, np.float32)


CODEC = array_codec("probabilities", _probability)
