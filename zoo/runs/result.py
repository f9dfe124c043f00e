"""Types of result.json: how a run, and each stage of it, ended. Older releases lack some keys.

In and out: plain values. Stays outside: files (zoo.runs.store).
"""

from typing import Any, TypedDict


class Ending(TypedDict, total=False):
    """End of a stage or of a run. Dice is global, over the held-out fold."""

    planned_epochs: int
    best_epoch: int
    epoch_chosen_on: str | None
    averaged: list[int]  # epochs
    lost_patience: bool
    weights_sha256: str
    dice: float | None
    threshold: float | None  # as a probability
    seconds: float
    cpu_seconds: float
    precision: str


class Stage(Ending):
    """End of a stage, as the result of its run repeats it."""

    epochs: int


class Ingredient(TypedDict):
    """Run whose weights went into a mean over seeds."""

    seed: int
    weights_sha256: str


class Result(Ending, total=False):
    """End of a run."""

    epochs: int
    member: str
    fold: str
    seed: int
    with_val: bool
    folds_sha256: str
    trained_on: int  # records
    pseudo_samples: int
    held_out: int  # records
    adapted_on: int  # records whose statistics the network took
    started_from: str | None  # SHA-256 of the weights that training began with
    made_with: list[dict[str, Any]]  # device, threads and releases of each environment that trained it
    stopped: bool
    stages: list[Stage]
    candidates: dict[str, str]  # SHA-256 of the weights by epoch, until the other folds choose one
    soup: list[Ingredient]
