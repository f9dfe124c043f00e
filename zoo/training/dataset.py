"""Dataset of records as tensors: prefetched before the step that needs them, kept in memory while there is room."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

import torch
from torch import Generator, Tensor

from core.errors import Damaged
from core.listener import SILENT, Listener
from zoo.data import LABELLED, SIZE, Folds, Record, Scenes, Source
from zoo.inputs import (
    Scaling,
    fit_scaling,
    frames_at,
    read_batch,
    read_channels,
    read_scaling,
    require_input,
    stored_colours,
    write_scaling,
)
from zoo.members import Recipe
from zoo.predictions import MemberMaps
from zoo.predictions.format import SCALE
from zoo.runs.run import Run, run_records
from zoo.runtime.memory import memory
from zoo.runtime.prefetch import prefetch
from zoo.targets import TARGETS, read_target
from zoo.training.pseudo import Sample, pseudo_samples
from zoo.training.sampling import epoch_order, hard_order, mixed_order

# Share of the memory to leave free: records are kept until then, and the others read again each epoch. It is checked at
# every batch, with the network in place; the rest is for the file cache and for other processes.
LEFT_FREE = 0.25


class RecordDataset:
    """Records of a recipe's input and target, in the order given; safe to read from several threads.

    pseudo: frames with pseudo-labels, which teach the first head; numbered behind the records, whose number is the
    length. teacher: maps that are mixed into the target of the first head by the recipe's `distill`. Images are float16
    in memory (the ash image's own precision), float32 in batches. UserError if a record lacks what the input needs.
    """

    def __init__(
        self,
        recipe: Recipe,
        scenes: Scenes,
        records: Sequence[Record],
        target: str = "hard",
        scaling: Scaling | None = None,
        border_smoothing: float = 0.0,
        pseudo: Sequence[Sample] = (),
        teacher: MemberMaps | None = None,
    ) -> None:
        require_input(scenes, records, recipe.input, recipe.frames)
        self.recipe, self.scenes, self.records = recipe, scenes, records
        self.target, self.scaling, self.border_smoothing = target, scaling, border_smoothing
        self.pseudo, self.teacher = pseudo, teacher
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def with_contrails(self) -> list[bool]:
        """Whether the mask of each record has a contrail pixel; all masks are read."""
        return [bool(self.scenes.mask(record).any()) for record in self.records]

    def name(self, number: int) -> str:
        """Id of a record, with the frame of a sample with a pseudo-label."""
        own = len(self.records)
        return self.records[number].id if number < own else self.pseudo[number - own].name

    def order(
        self,
        recipe: Recipe,
        steps: int,
        draw: Callable[[str], Generator],
        hardness: Mapping[int, float] = {},
    ) -> list[int]:
        """Draw the numbers that an epoch of so many steps meets, in order.

        recipe: of the stage, with its shares of the samples. draw: generator for one use. hardness: of the records that
        are known to be hard or easy, by number; none in the first epoch.
        """
        length = steps * recipe.accumulate * recipe.batch
        positive = self.with_contrails if recipe.sample_positives else [False] * len(self)
        order = epoch_order(positive, length, recipe.sample_positives, draw("epoch"))
        hardness = {number: value for number, value in hardness.items() if number < len(self)}
        if recipe.sample_hard and hardness:
            order = mixed_order(order, hard_order(hardness, len(self), length, draw("hard")), recipe.sample_hard)
        if not self.pseudo:
            return order
        others = epoch_order([False] * len(self.pseudo), length, 0.0, draw("pseudo"))
        return mixed_order(order, [len(self) + number for number in others], recipe.pseudo_share)

    def batch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (n, frames, channels, 256, 256) and labels (n, heads, 256, 256) of these records.

        Both are float32, and labels of heads that a record does not know are NaN; or, of packed records, images are ash
        colours as they are stored, uint8, and labels masks, bool (`zoo.runtime.stored`).
        """
        if self._packed and all(number < len(self) for number in numbers):
            return self._packed_batch(self._packed, [self.records[number] for number in numbers])
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

    @cached_property
    def _packed(self) -> Source | None:
        """Source of all records if it is a packed one: batches are read at once, and the page cache keeps them."""
        source = self.scenes.common_source(self.records)
        return source if source and source.packed else None

    def _packed_batch(self, source: Source, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
        colours = stored_colours(self.scenes, records, self.recipe.input, self.recipe.frames)
        if colours is None:
            images = read_images(self.recipe, self.scenes, records, self.scaling)
        else:
            images = torch.from_numpy(colours)
        if self._is_hard:
            return images, torch.from_numpy(source.masks(records)[:, None])
        return images, float_stack([self._label(record) for record in records])

    @property
    def _is_hard(self) -> bool:
        """True if the labels are the masks."""
        return self.target == "hard" and not (self.border_smoothing or self.teacher)

    def _read(self, number: int) -> tuple[Tensor, Tensor]:
        if number >= len(self.records):
            sample = self.pseudo[number - len(self.records)]
            image = read_image(self.recipe, self.scenes, sample.record, self.scaling, sample.frame)
            label = torch.full((len(TARGETS.facts(self.target).weights), SIZE, SIZE), torch.nan)
            label[0] = _probability(sample.maps, sample.record)
            return image, label.half()
        record = self.records[number]
        return read_image(self.recipe, self.scenes, record, self.scaling), self._label(record)

    def _label(self, record: Record) -> Tensor:
        """Label of a record, (heads, 256, 256): bool for masks, otherwise float16."""
        label = torch.from_numpy(read_target(self.scenes, record, self.target, self.border_smoothing))
        if self.teacher:
            label[0].lerp_(_probability(self.teacher, record), self.recipe.distill)
        return label.bool() if self._is_hard else label.half()


def _probability(maps: MemberMaps, record: Record) -> Tensor:
    """Map of a record as a label, float32 (256, 256)."""
    return torch.from_numpy(maps.maps([record.id])[0]).float() / SCALE


def run_datasets(
    run: Run, scenes: Scenes, folds: Folds, jobs: int = 1, listener: Listener = SILENT
) -> tuple[RecordDataset, RecordDataset]:
    """Training set of a run, with its target, and held-out set, with the masks that count for the score.

    The training set has the run's pseudo-labels, too. The statistics that its input needs are fitted on `jobs` threads.
    """
    recipe = run.recipe
    seen, held = run_records(run, scenes, folds)
    scaling = run_scaling(run, scenes, seen, jobs, listener)
    pseudo, teacher = pseudo_samples(run, scenes, folds, seen, listener)
    return (
        RecordDataset(recipe, scenes, seen, recipe.target, scaling, recipe.border_smoothing, pseudo, teacher),
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


def read_image(
    recipe: Recipe, scenes: Scenes, record: Record, scaling: Scaling | None, frame: int = LABELLED
) -> Tensor:
    """Read the channels of one record, float16 (frames, channels, 256, 256), for both training and prediction.

    frame: the one that is labelled or predicted; the recipe's other frames lie as far from it as from the labelled one.
    """
    channels = read_channels(scenes, record, recipe.input, frames_at(recipe.frames, frame))
    return torch.from_numpy(scaling(channels) if scaling else channels).half()


def read_images(
    recipe: Recipe, scenes: Scenes, records: Sequence[Record], scaling: Scaling | None, frame: int = LABELLED
) -> Tensor:
    """Read the images of these records at a frame, float32 (n, frames, channels, 256, 256).

    The same bits as of `read_image`.
    """
    channels = read_batch(scenes, records, recipe.input, frames_at(recipe.frames, frame))
    return torch.from_numpy(scaling(channels) if scaling else channels).half().float()


def float_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack tensors of one shape as float32 in one pass."""
    return torch.stack(tuple(tensors), out=torch.empty(len(tensors), *tensors[0].shape))
