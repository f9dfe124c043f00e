"""Runs so small that they train in a second: a tiny encoder and decoder, 64 pixels, a handful of records."""

import json

from tests.scenes import write_record
from zoo.data import make_folds, open_scenes, write_folds
from zoo.members import load_member, with_settings
from zoo.runs import Store
from zoo.runs.run import plan_run
from zoo.training import run_datasets, train

TINY = with_settings(
    load_member("lite0-fc-t5"),
    {
        "encoder": "test_efficientnet",
        "weights": "none",
        "decoder_channels": [16, 16, 8, 8, 8],
        "size": 64,
        "batch": 2,
        "epochs": 3,
        "crop": 0,
        "precision": "fp32",
    },
)

# The file of a tiny member, to which other keys may be added.
TINY_FILE = """
base = "lite0-fc-t5"
encoder = "test_efficientnet"
weights = "none"
decoder_channels = [16, 16, 8, 8, 8]
size = 64
crop = 0
"""

# A member in two stages, as its file has it.
STAGED = f"""{TINY_FILE}
epochs = 1
batch = 2
[[stages]]
freeze = 1.0
[[stages]]
freeze = 0.0
[log]
stages = [0.1234]
"""

# The same tiny network by options of the command line.
TINY_KEYS = "encoder=test_efficientnet weights=none decoder_channels=[16,16,8,8,8] size=64 crop=0 batch=2"
TINY_OPTIONS = [word for key in TINY_KEYS.split() for word in ("--set", key)]


def write_scenes(folder):
    for number in range(6):
        write_record(folder, "train", str(100 + number), mask=60 * number)
    write_record(folder, "validation", "200", mask=50)
    write_record(folder, "validation", "201", mask=0)
    write_record(folder, "test", "200", seed=200)
    return open_scenes([folder])


def two_folds(scenes):
    return make_folds(scenes, 2)


def plan(runs, folds, recipe=TINY, fold="0", **keys):
    return plan_run(recipe, fold, folds, Store(runs), **({"seed": 0, "with_val": False} | keys))


def trained(runs, scenes, folds, changes, fold="0", **keys):
    """A run of the tiny recipe with these changes, trained to its end."""
    run = plan(runs, folds, with_settings(TINY, changes), fold)
    train(run, *run_datasets(run, scenes, folds), "cpu", **keys)
    return run


def trained_folder(folder, changes, folds="0"):
    """scenes/ and runs/ in a folder, with the runs of some of two folds: scenes, folds, runs."""
    scenes = write_scenes(folder / "scenes")
    split = two_folds(scenes)
    write_folds(folder / "runs" / "folds.csv", split)
    return scenes, split, [trained(folder / "runs", scenes, split, changes, fold) for fold in folds]


def curve(run):
    rows = [json.loads(line) for line in (run.folder / "epochs.jsonl").read_text().splitlines()]
    return [(row["epoch"], row["loss"], row["dice"], row["lr"]) for row in rows]


def complete(run):
    ended = run.ended()
    return ended is not None and ended.complete


def done(run):
    ended = run.ended()
    return ended is not None and ended.done


def stopped(run):
    return run.ended().stopped
