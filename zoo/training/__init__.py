"""A recipe and a fold become a run: examples, schedule, loop, checkpoints.

In: a Recipe, Scenes, Folds. Out: a run folder with its best weights. Stays outside: the command line, prediction
sets (zoo.predict makes them from what lies here).
"""

from zoo.runtime.devices import set_threads
from zoo.training.dataset import Examples, run_examples, run_scaling
from zoo.training.loop import Epoch, steps_of, train
from zoo.training.preflight import check_prediction, check_recipe, check_run
from zoo.training.runs import (
    Run,
    find_runs,
    fold_names,
    how_to_train,
    most_trained,
    plan_run,
    recipe_folders,
    run_records,
)
from zoo.training.schedule import lower_rate
from zoo.training.warm_start import pin_start, pin_weights, start_has_changed

__all__ = [
    "Epoch",
    "Examples",
    "Run",
    "check_prediction",
    "check_recipe",
    "check_run",
    "find_runs",
    "fold_names",
    "how_to_train",
    "lower_rate",
    "most_trained",
    "pin_start",
    "pin_weights",
    "plan_run",
    "recipe_folders",
    "run_examples",
    "run_records",
    "run_scaling",
    "set_threads",
    "start_has_changed",
    "steps_of",
    "train",
]
