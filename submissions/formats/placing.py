"""From a place to what rasterio calls one: a projection and an affine map from pixels to metres."""

from typing import Any

from core.errors import UserError
from submissions.formats.registry import Place, Prediction


def place_of(prediction: Prediction) -> Place:
    """The record's place; UserError where it has none."""
    if prediction.place is None:
        raise UserError(f"record {prediction.id}: its place is not known; bring the metadata of its split")
    return prediction.place


def projection(prediction: Prediction) -> Any:
    """The projection; UserError where its description is none."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        return CRS.from_wkt(place_of(prediction).wkt)
    except CRSError as error:
        what = f"record {prediction.id}: its projection cannot be read ({error})"
        raise UserError(f"{what}; mend projection_wkt in the metadata") from error


def pixel_to_metres(place: Place) -> Any:
    """(column, row), counted from the outer corner of the first pixel, to metres east and north."""
    from rasterio.transform import Affine

    return Affine(place.column, 0, place.left, 0, place.row, place.top)
