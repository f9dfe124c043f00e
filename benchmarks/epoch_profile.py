"""Where the processor seconds of a training epoch go, before and after what makes its steps faster.

    python -m benchmarks.epoch_profile --data DIR [--data DIR ...] [--member lite0-fc-t5] [--steps 8] [--json FILE]

Before: everything in float32, a loop over tensors in the optimizer. After: what the member trains with on this machine.
Both sides start from the same random weights and take the same steps in turn, on one thread; the records of the steps
are scored once. All is scaled to the member's epoch of these records: as many steps, and a fifth of the records scored,
as five folds hold out. The last line compares the losses: the first, the last, the largest difference.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from zoo.augment import training_view
from zoo.data import open_scenes
from zoo.members import Recipe, load_member, with_settings
from zoo.training.dataset import RecordDataset
from zoo.training.loop import steps_per_epoch
from zoo.training.scoring import score
from zoo.training.step import TrainStep

CPU = torch.device("cpu")
HELD_OUT = 0.2
PARTS = ("reading, once a run", "batches from memory", "crops and views", "forward and loss", "backward", "optimizer")
SCORING = "scoring the fold"


class Clock:
    """Processor seconds of each part of the steps."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((*PARTS, SCORING), 0.0)
        self._last = time.process_time()

    def start(self) -> None:
        """Count from now on."""
        self._last = time.process_time()

    def stop(self, part: str) -> None:
        """Add the time since the last call to a part."""
        now = time.process_time()
        self.seconds[part] += now - self._last
        self._last = now


def one_step(made: TrainStep, records: RecordDataset, numbers: list[int], clock: Clock, number: int) -> float:
    """A step as the loop takes it; returns its loss."""
    draws = torch.Generator().manual_seed(number)
    clock.start()
    batch = records.batch(numbers)
    clock.stop(PARTS[1] if number else PARTS[0])
    images, labels = training_view(made.recipe, *batch, CPU, draws)
    clock.stop(PARTS[2])
    if not number:  # the first one reads, and the network is not warm
        return float(made.loss(images, labels).detach())
    loss = made.loss(images, labels)
    clock.stop(PARTS[3])
    loss.backward()
    clock.stop(PARTS[4])
    made.update(1e-3, number)
    clock.stop(PARTS[5])
    return float(loss.detach())


def measure(
    recipe: Recipe, paths: Sequence[Path], steps: int
) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Processor seconds of an epoch by part, and the loss of each step, before and after."""
    scenes = open_scenes(list(paths))
    used = scenes.labelled[: recipe.batch]
    records = RecordDataset(recipe, scenes, used, recipe.target)
    held_out = RecordDataset(recipe, scenes, used)
    torch.manual_seed(0)
    before = TrainStep(with_settings(recipe, {"precision": "fp32"}), CPU, "none")
    for group in before.optimizer.param_groups:
        group |= {"fused": False, "foreach": False}
    torch.manual_seed(0)
    sides = {"before": before, "after": TrainStep(recipe, CPU, "none")}
    losses: dict[str, list[float]] = {name: [] for name in sides}
    clocks = {name: Clock() for name in sides}
    numbers = list(range(len(used)))
    for number in range(steps + 1):
        for name, made in sides.items():
            made.begin_epoch(0)
            losses[name].append(one_step(made, records, numbers, clocks[name], number))
    held_out.batch(numbers)
    for name, made in sides.items():
        clocks[name].start()
        score(made.eval_network, held_out, CPU, recipe.batch, made.precision)
        clocks[name].stop(SCORING)
    own = len(scenes.labelled)
    taken = steps_per_epoch(recipe, round(own * (1 - HELD_OUT)))
    factors = dict.fromkeys(PARTS, taken / steps)
    factors |= {PARTS[0]: own / len(used), SCORING: HELD_OUT * own / len(used)}
    seconds = {
        name: {part: seconds * factors[part] for part, seconds in clock.seconds.items()}
        for name, clock in clocks.items()
    }
    return seconds, losses


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    figures, losses = measure(load_member(given.member), given.data, given.steps)
    totals = {name: sum(parts.values()) for name, parts in figures.items()}
    for part in (*PARTS, SCORING):
        row = (f"{each[part]:8.2f} s {each[part] / totals[name]:4.0%}" for name, each in figures.items())
        print(f"{part:22}", *row)
    print(f"{'epoch':22}", *(f"{total:8.2f} s     " for total in totals.values()))
    largest = max(abs(one - other) for one, other in zip(*losses.values()))
    ends = ", ".join(f"{name} {each[0]:.4f} to {each[-1]:.4f}" for name, each in losses.items())
    print(f"loss of {given.steps + 1} steps: {ends}; largest difference {largest:.4f}")
    if given.json:
        given.json.write_text(json.dumps({"seconds": figures, "losses": losses}, indent=1) + "\n")


if __name__ == "__main__":
    main()
