"""Dataset of records as tensors: prefetched before the step that needs them, kept in memory while there is room."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

import torch
from torch import Tensor

from core.errors import Damaged
from core.listener import SILENT, Listener
from zoo.data import Folds, Record, Scenes
from zoo.inputs import Scaling, fit_scaling, read_channels, read_scaling, require_input, write_scaling
from zoo.members import Recipe
from zoo.runs.run import Run, run_records
from zoo.runtime.memory import memory
from zoo.runtime.prefetch import prefetch
from zoo.targets import read_target

# Share of the memory to leave free: records are kept until then, and the others read again each epoch. It is checked at
# every batch, with the network in place; the rest is for the file cache and for other processes.
LEFT_FREE = 0.25


class RecordDataset:
    """Records of a recipe's input and target, in the order given; safe to read from several threads.

    Images are float16 in memory (the ash image's own precision), float32 in batches. UserError if a record lacks what
    the input needs.
    """

    def __init__(
        self,
        recipe: Recipe,
        scenes: Scenes,
        records: Sequence[Record],
        target: str = "hard",
        scaling: Scaling | None = None,
        border_smoothing: float = 0.0,
    ) -> None:
        require_input(scenes, records, recipe.input, recipe.frames)
        self.recipe, self.scenes, self.records = recipe, scenes, records
        self.target, self.scaling, self.border_smoothing = target, scaling, border_smoothing
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def with_contrails(self) -> list[bool]:
        """Whether the mask of each record has a contrail pixel; all masks are read."""
        return [bool(self.scenes.mask(record).any()) for record in self.records]

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images float32 (n, frames, channels, 256, 256) and labels float32 (n, heads, 256, 256) of these records.

        Labels of heads that a record does not know are NaN.
        """
        absent = [number for number in numbers if number not in self._kept]
        read = {number: self._read(number) for number in absent}
        if read and memory().free_share > LEFT_FREE:
            self._kept |= read
        pairs = [read[number] if number in read else self._kept[number] for number in numbers]
        images, labels = zip(*pairs)
        return float_stack(images), float_stack(labels)

    def batches(self, numbers: Iterable[Sequence[int]]) -> AbstractContextManager[Iterator[tuple[Tensor, Tensor]]]:
        """Batches of these sequences of numbers, in their order, prefetched within the block."""
        return prefetch(self.batch, numbers)

    def _read(self, number: int) -> tuple[Tensor, Tensor]:
        record = self.records[number]
        image = read_image(self.recipe, self.scenes, record, self.scaling)
        label = torch.from_numpy(read_target(self.scenes, record, self.target, self.border_smoothing))
        is_hard = self.target == "hard" and not self.border_smoothing
        return image, label.bool() if is_hard else label.half()


def run_datasets(
    run: Run, scenes: Scenes, folds: Folds, jobs: int = 1, listener: Listener = SILENT
) -> tuple[RecordDataset, RecordDataset]:
    """Training set of a run, with its target, and held-out set, with the masks that count for the score.

    The statistics that its input needs are fitted on `jobs` threads.
    """
    recipe = run.recipe
    seen, held = run_records(run, scenes, folds)
    scaling = run_scaling(run, scenes, seen, jobs, listener)
    return (
        RecordDataset(recipe, scenes, seen, recipe.target, scaling, recipe.border_smoothing),
        RecordDataset(recipe, scenes, held, scaling=scaling),
    )


def run_scaling(
    run: Run, scenes: Scenes, records: Sequence[Record], jobs: int = 1, listener: Listener = SILENT
) -> Scaling | None:
    """Statistics that scale the run's input, fitted on its training records or read from its folder.

    None for an input that needs none; a damaged file is made again.
    """
    if run.scaling.exists():
        try:
            return read_scaling(run.scaling, run.recipe.input, run.train_command)
        except Damaged as error:
            listener.info(f"{run.label}: {error.fault}; it is made again")
    scaling = fit_scaling(scenes, records, run.recipe.input, run.recipe.frames, jobs, listener)
    if scaling:
        write_scaling(run.scaling, scaling)
    return scaling


def read_image(recipe: Recipe, scenes: Scenes, record: Record, scaling: Scaling | None) -> Tensor:
    """Read the channels of one record, float16 (frames, channels, 256, 256), for both training and prediction."""
    channels = read_channels(scenes, record, recipe.input, recipe.frames)
    return torch.from_numpy(scaling(channels) if scaling else channels).half()


def read_images(recipe: Recipe, scenes: Scenes, records: Sequence[Record], scaling: Scaling | None) -> Tensor:
    """Read the images of these records, float32 (n, frames, channels, 256, 256)."""
    return float_stack([read_image(recipe, scenes, record, scaling) for record in records])


def float_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack tensors of one shape as float32 in one pass."""
    return torch.stack(tuple(tensors), out=torch.empty(len(tensors), *tensors[0].shape))
