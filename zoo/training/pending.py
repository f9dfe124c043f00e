"""Losses that lie on the device until they are needed: a step that reads its loss waits for the device."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from core.command import Command
from zoo.runs.run import Run
from zoo.schedules import lower_rate
from zoo.training.dataset import RecordDataset
from zoo.training.scoring import NotFinite

EVERY = 1.0  # seconds between two readings, which the progress shows


class PendingLosses:
    """Losses of steps, each of several batches, in their order."""

    def __init__(self, device: torch.device) -> None:
        self._every = 0.0 if device.type == "cpu" else EVERY  # a CPU has computed them already
        self._waiting: list[Tensor] = []
        self._taken = time.monotonic()

    @property
    def due(self) -> bool:
        """True if they were last taken so long ago that someone who watches wants news."""
        return time.monotonic() - self._taken >= self._every

    def add(self, losses: Sequence[Tensor]) -> None:
        """Add the losses of the batches of one step, scalars on the device."""
        self._waiting.append(torch.stack(tuple(losses)))

    def take(self) -> list[list[float]]:
        """Read and remove the losses of all steps, in one copy from the device."""
        waiting, self._waiting = self._waiting, []
        self._taken = time.monotonic()
        return torch.stack(waiting).tolist() if waiting else []


def loss_not_finite(
    run: Run, train_set: RecordDataset, numbers: Sequence[int], place: str, precision: str
) -> NotFinite:
    """Error of a loss that is not finite: the record at fault, or else the settings that may help.

    numbers: of the records of the batch. place: epoch and step.
    """
    recipe, records = run.taught, [train_set.name(number) for number in numbers]
    stage = f" stage {run.stage_number}" if run.stage_number else ""
    where = f"{recipe.name} fold {run.fold}{stage}: the loss is not finite at {place}"
    finite = torch.isfinite(train_set.batch(numbers)[0]).flatten(1).all(dim=1).tolist()
    if not all(finite):
        record = records[finite.index(False)]
        return NotFinite(f"{where}: record {record} has channels that are not finite", Command("data check"))
    full = ", or full precision, --set precision=fp32" if precision == "fp16" else ""
    return NotFinite(
        f"{where} (records {', '.join(records)}); a lower learning rate may help, {lower_rate(recipe)}, or a "
        f"warmup, --set warmup=0.1, or clipped gradients, --set clip=1{full}"
    )
