"""Follower: a process of a team that does what process 0 tells (zoo.training.team).

In: scenes, what it hears. Out: nothing but its part of gradients and scores; it writes no file and says nothing.
"""

import io
from collections.abc import Callable, Mapping

import torch

from core.jobs import job_count
from core.listener import SILENT
from zoo.data import Scenes
from zoo.runs.run import Run
from zoo.runtime.devices import choose_device, set_threads
from zoo.training.dataset import RecordDataset, run_datasets
from zoo.training.history import EpochProgress
from zoo.training.loop import StageLoop, draws_of, steps_per_epoch
from zoo.training.pending import PendingLosses
from zoo.training.step import TrainStep
from zoo.training.team import END, hear, joined, score_together, share


def follow(open_scenes: Callable[[], Scenes], device_name: str = "auto", jobs: int | None = None) -> None:
    """Take part in the trainings of process 0 until it ends."""
    with joined(device_name):
        set_threads(job_count(jobs))
        device, scenes = choose_device(device_name), None
        while (told := hear()) != END:
            match told:
                case "run", run, folds:
                    scenes = scenes or open_scenes()
                    datasets = run_datasets(run, scenes, folds, job_count(jobs))
                case "stage", run, state:
                    loop = _FollowingLoop(run, state, *datasets, device)
                case "epoch", number, done, hardness:
                    loop.take_part(number, done, hardness)
                case ("score",):
                    score_together(loop.train_step, loop.held_out)


class _FollowingLoop(StageLoop):
    """Loop over the steps that process 0 takes in a stage, from its state."""

    def __init__(
        self, run: Run, state: bytes, train_set: RecordDataset, held_out: RecordDataset, device: torch.device
    ) -> None:
        self.run, self.train_set, self.held_out = run, train_set, held_out
        self.recipe = run.taught
        self.steps = steps_per_epoch(self.recipe, len(train_set))
        self.progress = EpochProgress()
        self.listener, self.pending = SILENT, PendingLosses(device)
        self.train_step = TrainStep(self.recipe, device, "none")
        self.train_step.load_state_dict(torch.load(io.BytesIO(state), map_location="cpu", weights_only=True))
        self.at = 0
        share(self.train_step)

    @property
    def number(self) -> int:
        """Number of the current epoch, from 0."""
        return self.at

    def take_part(self, number: int, done: int, hardness: Mapping[int, float]) -> None:
        """Take the steps of an epoch that are not done yet; hardness of the records as process 0 knows it."""
        self.at, self.progress = number, EpochProgress(losses=[0.0] * done)
        order = self.train_set.order(self.recipe, self.steps, lambda use: draws_of(self.run, use, number), hardness)
        self.train_step.begin_epoch(number)
        steps = range(done, self.steps)
        with self.train_set.batches(numbers for step in steps for numbers in self._batches(step, order)) as batches:
            for step in steps:
                self._step(step, order, batches)
                if self.pending.due or step + 1 == self.steps:
                    self._read_losses(order)
