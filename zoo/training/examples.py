"""Records as tensors, read once and kept while memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zoo.data import Folds, Record, Scenes
from zoo.data.sweep import Advance
from zoo.inputs import Scaling, fit_scaling, read_channels, read_scaling, require_input, write_scaling
from zoo.members import Recipe
from zoo.targets import read_target
from zoo.training.runs import Run, run_records

KEPT_BYTES = 4 << 30  # what each of a run's two sets may hold in memory; the rest is read again when needed


class Examples:
    """Channels of records and their labels, as the target has them, in the order given.

    Images are float16 in memory (the ash image's own precision), float32 when they are handed out.
    """

    def __init__(
        self,
        recipe: Recipe,
        scenes: Scenes,
        records: Sequence[Record],
        kept: int = KEPT_BYTES,
        target: str = "hard",
        scaling: Scaling | None = None,
    ) -> None:
        require_input(scenes, records, recipe.input, recipe.frames)
        self.recipe, self.scenes, self.records = recipe, scenes, records
        self.target, self.scaling = target, scaling
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._room = kept

    def __len__(self) -> int:
        return len(self.records)

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images float32 (n, frames, channels, 256, 256) and labels float32 (n, heads, 256, 256)."""
        pairs = [self._example(number) for number in numbers]
        images = torch.stack([image for image, _ in pairs]).float()
        labels = torch.stack([label for _, label in pairs]).float()
        return images, labels

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All of them in order: images and labels."""
        for start in range(0, len(self), size):
            yield self.batch(range(start, min(start + size, len(self))))

    def _example(self, number: int) -> tuple[Tensor, Tensor]:
        if number in self._kept:
            return self._kept[number]
        record = self.records[number]
        image = read_image(self.recipe, self.scenes, record, self.scaling)
        label = torch.from_numpy(read_target(self.scenes, record, self.target))
        example = image, label.bool() if self.target == "hard" else label.half()
        size = sum(tensor.nbytes for tensor in example)
        if size <= self._room:
            self._room -= size
            self._kept[number] = example
        return example


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
    run: Run, scenes: Scenes, seen: Sequence[Record], jobs: int = 1, advance: Advance | None = None
) -> Scaling | None:
    """The statistics that scale the run's input, of the records that it trains on alone; read where they are known.

    They lie in the run's folder: whoever predicts with its weights reads them there.
    """
    if not run.scaling.is_file():
        scaling = fit_scaling(scenes, seen, run.recipe.input, run.recipe.frames, jobs, advance)
        if scaling:
            write_scaling(run.scaling, scaling)
    return read_scaling(run.scaling, run.recipe.input)


def read_image(recipe: Recipe, scenes: Scenes, record: Record, scaling: Scaling | None) -> Tensor:
    """One record's channels, float16 (frames, channels, 256, 256): the same at training and at prediction."""
    channels = read_channels(scenes, record, recipe.input, recipe.frames)
    return torch.from_numpy(scaling(channels) if scaling else channels).half()
