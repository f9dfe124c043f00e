"""Training: from a recipe and a fold to a run; datasets, train step, loop, averaging, tuning.

In: a Run (zoo.runs), Scenes, Folds, prediction sets as pseudo-labels. Out: the run's folder with its best weights.
Stays outside: the command line, how prediction sets are made (zoo.inference, from what lies here).
"""

from zoo.runs.epochs import Epoch
from zoo.runtime.devices import set_threads
from zoo.training.adapting import adapt, pin_adapted_records
from zoo.training.dataset import RecordDataset, run_datasets, run_scaling
from zoo.training.history import epoch_line
from zoo.training.loop import train
from zoo.training.preflight import Planned, check_recipe, check_run, check_views, look_at
from zoo.training.settling import read_curve, settle, settling_lock
from zoo.training.soup import average_seeds, with_ingredients
from zoo.training.warm_start import pin_warm_start, pin_weights

__all__ = [
    "Epoch",
    "Planned",
    "RecordDataset",
    "adapt",
    "average_seeds",
    "check_recipe",
    "check_run",
    "check_views",
    "epoch_line",
    "look_at",
    "pin_adapted_records",
    "pin_warm_start",
    "pin_weights",
    "read_curve",
    "run_datasets",
    "run_scaling",
    "set_threads",
    "settle",
    "settling_lock",
    "train",
    "with_ingredients",
]
