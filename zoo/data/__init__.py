"""Scenes from directories: sources, folds, checks, statistics, synthetic scenes. numpy, never torch.

In: directories in a known layout. Out: kelvins, masks, metadata and folds. The channels that a member gets of the
kelvins are the business of `zoo.inputs`.
"""

from zoo.data.folds import Assignment, Folds, read_folds, save_folds, write_folds
from zoo.data.records import BANDS, FRAMES, LABELLED, SIZE, SPLITS, Metadata, Record, Source, evenly_spread
from zoo.data.sources import Scenes, open_scenes, unlabelled_records
from zoo.data.split import find_folds, keep_folds, make_folds

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
    "evenly_spread",
    "find_folds",
    "keep_folds",
    "make_folds",
    "open_scenes",
    "read_folds",
    "save_folds",
    "unlabelled_records",
    "write_folds",
]
