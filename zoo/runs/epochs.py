"""Epochs of a run, as its epochs.jsonl lists them.

In: the place of a run or of a stage. Out: its epochs. Stays outside: torch, which epoch is best (zoo.training.history).
"""

from dataclasses import dataclass, replace

from core.files import read_bytes
from core.schema import fit
from core.signing import changed, read_lines
from zoo.runs.store import RunPlace


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One line of epochs.jsonl. Dice is global over the held-out fold, at its best threshold and at 0.5.

    None if it was not scored, or has no contrail pixel.
    """

    epoch: int
    loss: float
    lr: float
    seconds: float
    cpu_seconds: float = 0.0  # of all threads: what the epoch cost whatever else the machine did
    dice: float | None = None
    threshold: float | None = None
    dice_at_half: float | None = None
    stage: int = 0  # from 1 in a staged recipe


def read_epochs(run: RunPlace) -> list[Epoch]:
    """Read the epochs of a run or of a stage from epochs.jsonl; Damaged for a line that was changed or is no epoch."""
    epochs: list[Epoch] = []
    for number, row, _ in read_lines(read_bytes(run.epochs)):
        if row is None:
            raise changed(run.epochs, where=f"line {number}")
        epochs.append(fit(row, Epoch, f"{run.epochs}: line {number}"))
    return epochs


def read_all_epochs(run: RunPlace) -> list[Epoch]:
    """Read the epochs of a run in order, those of its earlier stages first; none before the first epoch has ended."""
    stages: list[RunPlace] = []
    while (stage := replace(run, stage=len(stages) + 1)).epochs.exists():
        stages.append(stage)
    if run.epochs.exists():
        stages.append(run)
    return [epoch for stage in stages for epoch in read_epochs(stage)]
