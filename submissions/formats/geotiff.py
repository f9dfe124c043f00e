"""Masks as GeoTIFF: one band of 8 bits, 1 in contrails, in the record's own projection."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from submissions.formats import FORMATS, Prediction, WriteOptions
from submissions.formats._folder import Codec, write_folder
from submissions.formats._placing import pixel_to_metres, place_of, projection
from submissions.write import Written


@FORMATS.register("geotiff", needs=("rasterio",), placed=True)
def geotiff(out: Path, predictions: Iterable[Prediction], options: WriteOptions) -> Written:
    """Write <record_id>.tif; no pixel is moved, so a map lies on the bands' pixels."""
    return write_folder(out, predictions, options, Codec("geotiff", ".tif", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """Encode one file."""
    from rasterio.io import MemoryFile

    place, (height, width) = place_of(prediction), prediction.mask.shape
    kind = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": height, "width": width, "compress": "deflate"}
    with MemoryFile() as memory:
        with memory.open(**kind, crs=projection(prediction), transform=pixel_to_metres(place)) as file:
            file.write(prediction.mask.astype(np.uint8), 1)
            file.update_tags(record_id=prediction.id, time=place.iso_time)
        return bytes(memory.getbuffer())


def agrees(data: bytes, prediction: Prediction) -> bool:
    """True if the image holds this mask at this place."""
    from rasterio.io import MemoryFile

    with MemoryFile(data) as memory, memory.open() as file:
        placed = file.transform == pixel_to_metres(place_of(prediction)) and file.crs == projection(prediction)
        return placed and bool(np.array_equal(file.read(1), prediction.mask.astype(np.uint8)))
