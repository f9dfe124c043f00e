"""What is known of a run's epochs: their lines, the best of them, the one under way, the state to go on from."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.files import sha256_of_file
from zoo.runs.run import Run
from zoo.runtime.checkpoints import load_state


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One line of epochs.jsonl. Dice is global over the held-out fold, at its best threshold and at 0.5."""

    epoch: int
    loss: float
    lr: float
    seconds: float
    cpu_seconds: float = 0.0  # of all threads: what the epoch cost whatever else the machine did
    dice: float | None = None
    threshold: float | None = None
    dice_at_half: float | None = None
    stage: int = 0  # from 1 in a staged recipe


@dataclass(kw_only=True)
class Part:
    """The epoch under way, as far as it has come: the losses of its batches and what they have cost."""

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Watch:
    """Adds the time since it was made, or last read, to a part."""

    def __init__(self) -> None:
        self._clocks = (time.perf_counter, time.process_time)
        self._last = [clock() for clock in self._clocks]

    def read(self, part: Part) -> None:
        """Add what has passed."""
        now = [clock() for clock in self._clocks]
        part.seconds += now[0] - self._last[0]
        part.cpu_seconds += now[1] - self._last[1]
        self._last = now


def best_of(history: Sequence[Epoch]) -> Epoch:
    """The first of the epochs with the highest Dice; the last one where none was scored."""
    return history[-1] if history[-1].dice is None else max(history, key=lambda epoch: epoch.dice or 0.0)


def read_epochs(run: Run) -> list[Epoch]:
    """The epochs of a run, or of a stage, as they were written down."""
    return [Epoch(**json.loads(line)) for line in run.epochs.read_text().splitlines()]


def usable_state(run: Run, started_from: str | None) -> dict[str, Any] | None:
    """The last state, or None where the run has to start anew.

    A state that started from other weights than those of today is of another run. Without the best weights a state is
    of no use, the run would end with nothing to predict with; but where the best epoch is the last one the state
    itself holds them, and where epochs are averaged they have a file of their own.
    """
    state = load_state(run.state)
    if state is None or state.get("started_from") != started_from:
        return None
    history = [Epoch(**row) for row in state["epochs"]]
    in_state = bool(history) and best_of(history) is history[-1] and not state.get("part", {}).get("losses")
    kept = bool(history) and run.kept(best_of(history).epoch).is_file()
    return state if not history or in_state or kept or best_is_there(run, state) else None


def best_is_there(run: Run, state: dict[str, Any]) -> bool:
    """Whether the best weights are those of which the state knows."""
    return run.best.is_file() and state.get("best_sha256") in (None, sha256_of_file(run.best))
