"""Contrails as polygons: GeoJSON (RFC 7946), degrees east and north of WGS 84, one feature a contrail.

A contrail is an 8-connected component; its outline follows the edges of its pixels. In degrees those edges bend,
so they are cut into steps of a pixel before they are projected.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from submissions.formats import FORMATS, Prediction, WriteOptions
from submissions.formats._folder import Codec, write_folder
from submissions.formats._placing import pixel_to_metres, place_of, projection
from submissions.write import Written

WGS84 = "EPSG:4326"
DIGITS = 7  # of a degree: a centimetre


@FORMATS.register("geojson", needs=("rasterio", "shapely"), placed=True)
def geojson(out: Path, predictions: Iterable[Prediction], options: WriteOptions) -> Written:
    """Write <record_id>.geojson, a FeatureCollection; without features if there is no contrail."""
    return write_folder(out, predictions, options, Codec("geojson", ".geojson", encode, agrees))


def encode(prediction: Prediction) -> bytes:
    """Encode one file."""
    place = place_of(prediction)
    facts = {"record_id": prediction.id, "time": place.iso_time}
    document = {"type": "FeatureCollection", **facts, "features": [*_features(prediction, facts)]}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def agrees(data: bytes, prediction: Prediction) -> bool:
    """True if the polygons, projected back and drawn on the record's pixels, are this mask."""
    from rasterio.features import rasterize
    from rasterio.warp import transform_geom

    shapes = [feature["geometry"] for feature in json.loads(data)["features"]]
    if not shapes:
        return not prediction.mask.any()
    back = transform_geom(WGS84, projection(prediction), shapes)
    drawn = rasterize(back, prediction.mask.shape, transform=pixel_to_metres(place_of(prediction)), dtype="uint8")
    return bool(np.array_equal(drawn, prediction.mask.astype(np.uint8)))


def _features(prediction: Prediction, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one feature a contrail, from the top."""
    from rasterio.warp import transform_geom
    from scipy.ndimage import label
    from shapely.geometry import mapping, shape

    place, metres = place_of(prediction), projection(prediction)
    marks, count = label(prediction.mask, np.ones((3, 3)))
    sizes = np.bincount(marks.ravel())
    step = max(abs(place.column), abs(place.row))
    for number, outline in enumerate(_outlines(marks, count, place), start=1):
        stepped = outline.segmentize(step)
        turned = shape(transform_geom(metres, WGS84, mapping(stepped), precision=DIGITS))
        pixels = int(sizes[number])
        area = round(pixels * abs(place.column * place.row) / 1e6, 3)
        properties = {**facts, "number": number, "pixels": pixels, "area_km2": area}
        yield {"type": "Feature", "properties": properties, "geometry": mapping(_right_handed(turned))}


def _outlines(marks: NDArray[np.integer], count: int, place: Any) -> list[Any]:
    """Outline of each component, in metres: a polygon, or several that touch at corners."""
    from rasterio.features import shapes
    from shapely.geometry import MultiPolygon, shape

    parts: list[list[Any]] = [[] for _ in range(count)]
    # Joined over edges only: a ring that touches itself at a corner would be an invalid polygon.
    found = shapes(marks.astype(np.int32), mask=marks > 0, connectivity=4, transform=pixel_to_metres(place))
    for geometry, value in found:
        parts[int(value) - 1].append(shape(geometry))
    return [polygons[0] if len(polygons) == 1 else MultiPolygon(polygons) for polygons in parts]


def _right_handed(geometry: Any) -> Any:
    """Orient outer rings anticlockwise, holes clockwise, as RFC 7946 demands."""
    from shapely.geometry import MultiPolygon
    from shapely.geometry.polygon import orient

    if geometry.geom_type == "Polygon":
        return orient(geometry)
    return MultiPolygon([orient(part) for part in geometry.geoms])
