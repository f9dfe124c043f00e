"""What masks are written as: one file a format, one registry line each.

In: predictions of records, one after another, each with its place where it is known. Out: a file or a folder that
was read back and compared before it took its name. Stays outside: where masks and places come from; the libraries
of a format are loaded when it writes.
"""

from submissions.formats import csv, geojson, geotiff, npy, png, probabilities
from submissions.formats.registry import FORMATS, Asked, Format, Place, Prediction, require

__all__ = [
    "FORMATS",
    "Asked",
    "Format",
    "Place",
    "Prediction",
    "csv",
    "geojson",
    "geotiff",
    "npy",
    "png",
    "probabilities",
    "require",
]
