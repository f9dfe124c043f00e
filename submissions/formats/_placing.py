"""Places in rasterio's terms: a projection, and an affine transform from pixels to metres."""

from typing import Any

from core.errors import UserError
from submissions.formats import Place, Prediction


def place_of(prediction: Prediction) -> Place:
    """Place of the record; UserError if it is unknown."""
    if prediction.place is None:
        raise UserError(f"record {prediction.id}: its place is unknown; provide the metadata of its split")
    return prediction.place


def projection(prediction: Prediction) -> Any:
    """Projection of the record; UserError if its text cannot be read."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        return CRS.from_wkt(place_of(prediction).wkt)
    except CRSError as error:
        what = f"record {prediction.id}: its projection cannot be read ({error})"
        raise UserError(f"{what}; fix projection_wkt in the metadata") from error


def pixel_to_metres(place: Place) -> Any:
    """Transform from (column, row), from the outer corner of the first pixel, to metres east and north."""
    from rasterio.transform import Affine

    return Affine(place.column, 0, place.left, 0, place.row, place.top)
