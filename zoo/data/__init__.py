"""Scenes from directories: sources, folds, checks, statistics, synthetic scenes. numpy, never torch.

In: directories in a known layout. Out: kelvins, masks, metadata and folds. What a member sees of the kelvins
is the business of `zoo.inputs`.
"""

from zoo.data.folds import Assignment, Folds, read_folds, write_folds
from zoo.data.records import BANDS, FRAMES, LABELLED, SIZE, SPLITS, Metadata, Record, Source
from zoo.data.sources import Scenes, open_scenes
from zoo.data.split import make_folds

__all__ = [
    "BANDS",
    "FRAMES",
    "LABELLED",
    "SIZE",
    "SPLITS",
    "Assignment",
    "Folds",
    "Metadata",
    "Record",
    "Scenes",
    "Source",
    "make_folds",
    "open_scenes",
    "read_folds",
    "write_folds",
]
