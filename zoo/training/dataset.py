"""Records as tensors, read ahead of the step that needs them, and kept while memory allows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from core.listener import SILENT, Listener
from zoo.data import Folds, Record, Scenes
from zoo.inputs import Scaling, fit_scaling, read_channels, read_scaling, require_input, write_scaling
from zoo.members import Recipe
from zoo.runs.run import Run, run_records
from zoo.runtime.memory import memory
from zoo.runtime.prefetch import read_ahead
from zoo.targets import read_target

# Records are kept as long as this share of the memory stays free; those that come later are read again each epoch. It
# is looked at before every batch, with the network in place: what remains is for the cache of files and for others.
LEFT_FREE = 0.25


class Examples:
    """Channels of records and their labels, as the target has them, in the order given.

    Images are float16 in memory (the ash image's own precision), float32 when they are handed out. Several threads may
    ask for batches at once.
    """

    def __init__(
        self,
        recipe: Recipe,
        scenes: Scenes,
        records: Sequence[Record],
        target: str = "hard",
        scaling: Scaling | None = None,
    ) -> None:
        require_input(scenes, records, recipe.input, recipe.frames)
        self.recipe, self.scenes, self.records = recipe, scenes, records
        self.target, self.scaling = target, scaling
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.records)

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images float32 (n, frames, channels, 256, 256) and labels float32 (n, heads, 256, 256)."""
        absent = [number for number in numbers if number not in self._kept]
        read = {number: self._read(number) for number in absent}
        if read and memory().free_share > LEFT_FREE:
            self._kept |= read
        pairs = [read[number] if number in read else self._kept[number] for number in numbers]
        images, labels = zip(*pairs)
        return float_stack(images), float_stack(labels)

    def batches(self, numbers: Iterable[Sequence[int]]) -> AbstractContextManager[Iterator[tuple[Tensor, Tensor]]]:
        """The batch of each sequence of numbers, in their order, read ahead within the block."""
        return read_ahead(self.batch, numbers)

    def _read(self, number: int) -> tuple[Tensor, Tensor]:
        record = self.records[number]
        image = read_image(self.recipe, self.scenes, record, self.scaling)
        label = torch.from_numpy(read_target(self.scenes, record, self.target))
        return image, label.bool() if self.target == "hard" else label.half()


def run_examples(run: Run, scenes: Scenes, folds: Folds) -> tuple[Examples, Examples]:
    """What the run trains on, with its target, and what it holds out, with the masks that the score counts."""
    recipe = run.recipe
    seen, held = run_records(run, scenes, folds)
    scaling = run_scaling(run, scenes, seen)
    return (
        Examples(recipe, scenes, seen, target=recipe.target, scaling=scaling),
        Examples(recipe, scenes, held, scaling=scaling),
    )


def run_scaling(
    run: Run, scenes: Scenes, seen: Sequence[Record], jobs: int = 1, listener: Listener = SILENT
) -> Scaling | None:
    """The statistics that scale the run's input, of the records that it trains on alone; read where they are known.

    They lie in the run's folder: whoever predicts with its weights reads them there.
    """
    if not run.scaling.is_file():
        scaling = fit_scaling(scenes, seen, run.recipe.input, run.recipe.frames, jobs, listener)
        if scaling:
            write_scaling(run.scaling, scaling)
    return read_scaling(run.scaling, run.recipe.input)


def read_image(recipe: Recipe, scenes: Scenes, record: Record, scaling: Scaling | None) -> Tensor:
    """One record's channels, float16 (frames, channels, 256, 256): the same at training and at prediction."""
    channels = read_channels(scenes, record, recipe.input, recipe.frames)
    return torch.from_numpy(scaling(channels) if scaling else channels).half()


def read_images(recipe: Recipe, scenes: Scenes, records: Sequence[Record], scaling: Scaling | None) -> Tensor:
    """The channels of these records as the network takes them: float32 (n, frames, channels, 256, 256)."""
    return float_stack([read_image(recipe, scenes, record, scaling) for record in records])


def float_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of one shape as one, float32, in one pass over what may be many megabytes."""
    return torch.stack(tuple(tensors), out=torch.empty(len(tensors), *tensors[0].shape))
