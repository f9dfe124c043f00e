"""Epoch history of a run: finished epochs, the best of them, the current one, the state to resume from."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.files import sha256_of_file
from core.thresholds import threshold_text
from zoo.runs.epochs import Epoch
from zoo.runs.run import Run
from zoo.runtime.checkpoints import load_state

STAGE_KEYS = (
    *("epochs", "planned_epochs", "best_epoch", "epoch_chosen_on", "averaged", "lost_patience", "weights_sha256"),
    *("dice", "threshold", "seconds", "cpu_seconds", "precision"),
)


@dataclass(kw_only=True)
class EpochProgress:
    """Progress of the current epoch: the loss of each step so far, and the time that they took.

    hardness: mean cross-entropy of the scenes of each record, by its number, in the last epoch before that met it;
    scenes: that of each of them in this one. Both are empty without `sample_hard`.
    """

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    hardness: dict[int, float] = field(default_factory=dict)
    scenes: dict[int, list[float]] = field(default_factory=dict)

    def meet(self, numbers: Iterable[int], losses: Iterable[float]) -> None:
        """Add the cross-entropies of the scenes of a batch."""
        for number, loss in zip(numbers, losses):
            self.scenes.setdefault(number, []).append(loss)

    def next_epoch(self) -> "EpochProgress":
        """Progress of the next epoch, which knows how hard the records of this one were."""
        found = {number: sum(losses) / len(losses) for number, losses in self.scenes.items()}
        return EpochProgress(hardness=self.hardness | found)

    def add_time(self, since: tuple[float, float]) -> tuple[float, float]:
        """Add the time since `read_clocks` was called last; returns the clocks now."""
        now = read_clocks()
        self.seconds += now[0] - since[0]
        self.cpu_seconds += now[1] - since[1]
        return now


def read_clocks() -> tuple[float, float]:
    """Wall-clock and CPU seconds, from any origin."""
    return time.perf_counter(), time.process_time()


def epoch_line(run: Run, epoch: Epoch) -> str:
    """Line on an epoch of a run: label, stage, number, loss, Dice and threshold if it was scored, time."""
    stage = f" stage {epoch.stage}" if epoch.stage else ""
    of = run.recipe.staged[epoch.stage - 1].epochs
    dice = "" if epoch.threshold is None else f"  Dice {epoch.dice:.4f} (threshold {threshold_text(epoch.threshold)})"
    return f"{stage}: epoch {epoch.epoch}/{of}  loss {epoch.loss:.4f}{dice}  {epoch.seconds:.0f} s"


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """First epoch with the highest Dice; the last one if none was scored."""
    scored = [epoch for epoch in history if epoch.dice is not None]
    return max(scored, key=lambda epoch: epoch.dice or 0.0) if scored else history[-1]


def kept_epoch(run: Run, history: Sequence[Epoch]) -> Epoch:
    """Epoch whose weights a run, or a stage of it, keeps as its best.

    In an earlier stage the last one: the best by Dice would let the fold choose weights that it scores later.
    """
    return history[-1] if run.stage else best_epoch(history)


def resumable_state(run: Run, started_from: str | None) -> dict[str, Any] | None:
    """Load the last state; None if there is none to resume from, and the run starts over.

    A state is of no use if it started from other weights than today's, or if the best weights are lost: neither intact
    in their own file, nor kept for averaging, nor in the state itself, which holds those of the last epoch.
    """
    state = load_state(run.state)
    if state is None or state.get("started_from") != started_from:
        return None
    history = [Epoch(**row) for row in state["epochs"]]
    in_state = bool(history) and kept_epoch(run, history) is history[-1] and not state.get("part", {}).get("losses")
    kept = bool(history) and run.kept(kept_epoch(run, history).epoch).is_file()
    return state if not history or in_state or kept or best_is_intact(run, state) else None


def best_is_intact(run: Run, state: dict[str, Any]) -> bool:
    """True if the file of the best weights is the one that the state names."""
    return run.best.is_file() and state.get("best_sha256") in (None, sha256_of_file(run.best))


def stage_row(result: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of a stage's result that the run's result repeats; results of older releases lack some."""
    return {key: result[key] for key in STAGE_KEYS if key in result}
