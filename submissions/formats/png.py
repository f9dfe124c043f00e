"""Masks as PNG: 8 bits grey, 255 in contrails."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from submissions.formats import FORMATS, Prediction, WriteOptions
from submissions.formats._folder import Codec, write_folder
from submissions.write import Written


@FORMATS.register("png")
def png(out: Path, predictions: Iterable[Prediction], options: WriteOptions) -> Written:
    """Write <record_id>.png, 256 x 256."""
    return write_folder(out, predictions, options, Codec("png", ".png", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """Encode one file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(prediction.mask.astype(np.uint8) * 255).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def agrees(data: bytes, prediction: Prediction) -> bool:
    """True if the image holds this mask."""
    from PIL import Image

    found = np.asarray(Image.open(io.BytesIO(data)))
    return bool(np.array_equal(found, prediction.mask.astype(np.uint8) * 255))
