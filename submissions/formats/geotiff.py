"""Masks on the map: GeoTIFF, one band of 8 bits, 1 where there is a contrail, in the record's own projection."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from submissions.formats.folder import Codec, write_folder
from submissions.formats.placing import pixel_to_metres, place_of, projection
from submissions.formats.registry import FORMATS, Asked, Prediction
from submissions.write import Written


@FORMATS.register("geotiff", folder=True, needs=("rasterio",), placed=True, probability=False)
def geotiff(out: Path, predictions: Iterable[Prediction], asked: Asked) -> Written:
    """<record_id>.tif; no pixel is moved, so it lies on the bands' pixels."""
    return write_folder(out, predictions, asked, Codec("geotiff", ".tif", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """The bytes of one file."""
    from rasterio.io import MemoryFile

    place, (height, width) = place_of(prediction), prediction.mask.shape
    kind = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": height, "width": width, "compress": "deflate"}
    with MemoryFile() as memory:
        with memory.open(**kind, crs=projection(prediction), transform=pixel_to_metres(place)) as file:
            file.write(prediction.mask.astype(np.uint8), 1)
            file.update_tags(record_id=prediction.id, time=place.iso_time)
        return bytes(memory.getbuffer())


def agrees(data: bytes, prediction: Prediction) -> bool:
    """Whether the picture holds this mask at this place."""
    from rasterio.io import MemoryFile

    with MemoryFile(data) as memory, memory.open() as file:
        placed = file.transform == pixel_to_metres(place_of(prediction)) and file.crs == projection(prediction)
        return placed and bool(np.array_equal(file.read(1), prediction.mask.astype(np.uint8)))
