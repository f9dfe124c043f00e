"""Prediction sets: probability maps on disk, compressed, checked, and complete or resumable.

In: maps of a run, record by record. Out: the same integers, or a UserError that names the damaged file. A set is a
folder of zstd shards and a manifest that is written last. Stays outside: torch, truth masks, ensembles.
"""

from zoo.predictions.catalogue import every_recipe, find_members, find_out_of_fold, other_recipes
from zoo.predictions.format import Provenance, set_folder
from zoo.predictions.members import MemberMaps
from zoo.predictions.reader import PredictionSet
from zoo.predictions.writer import PredictionWriter

__all__ = [
    "MemberMaps",
    "PredictionSet",
    "PredictionWriter",
    "Provenance",
    "every_recipe",
    "find_members",
    "find_out_of_fold",
    "other_recipes",
    "set_folder",
]
