"""Masks as pictures: PNG, 8 bits grey, 255 where there is a contrail."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from submissions.formats.folder import Codec, write_folder
from submissions.formats.registry import FORMATS, Asked, Prediction
from submissions.write import Written


@FORMATS.register("png", folder=True, needs=(), placed=False, probability=False)
def png(out: Path, predictions: Iterable[Prediction], asked: Asked) -> Written:
    """<record_id>.png, 256 x 256."""
    return write_folder(out, predictions, asked, Codec("png", ".png", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """The bytes of one file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(prediction.mask.astype(np.uint8) * 255).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def agrees(data: bytes, prediction: Prediction) -> bool:
    """Whether the picture holds this mask."""
    from PIL import Image

    found = np.asarray(Image.open(io.BytesIO(data)))
    return bool(np.array_equal(found, prediction.mask.astype(np.uint8) * 255))
