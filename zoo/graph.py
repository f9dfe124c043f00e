"""Graph of a trained member: from kelvin to probability, the mean over its runs, for other programs to run.

In: runs of one recipe. Out: the bytes of a file in one of FORMATS, and its agreement with the eager runs. The networks
are in evaluation and in float32, whatever they were trained in: the log lost 0.02 to a trace in training mode. Stays
outside: test-time views, thresholds, paths of files.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UserError
from core.listener import SILENT, Listener
from zoo.data import SIZE, Record, Scenes
from zoo.export_formats import FORMATS, Answer
from zoo.inference import MemberModel, load_network, probabilities
from zoo.inputs import INPUTS, read_scaling
from zoo.runs.run import Run
from zoo.training.dataset import read_images
from zoo.training.scoring import best_dice

TOLERANCE = 1e-4  # of a probability, by which a file may differ from eager
BATCH = 3  # records at once where they are compared
TRACED = 2  # records of the example: a network of one record might be taken for one of one record only

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Exported:
    """Bytes of a file, and a function that runs them."""

    content: bytes
    answer: Answer
    any_number: bool  # of records at once; else one


def export_member(runs: Sequence[Run], format_name: str) -> Exported:
    """Export the mean of these runs; for any number of records if the network's graph allows it."""
    entry = FORMATS.entry(format_name)
    member = MemberModel(runs)
    bands, frames = len(INPUTS.facts(runs[0].recipe.input).bands), len(runs[0].recipe.frames)
    kelvin = 260 + 20 * torch.rand(BATCH, bands, frames, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # a tracer warns of every shape that it takes for constant
        try:
            content = entry.make(member, kelvin[:TRACED], True)
            answer = entry.facts.run(content)
            for number in (1, BATCH):
                if answer(kelvin[:number].numpy()).shape != (number, SIZE, SIZE):
                    raise ValueError("the number of records is that of the example")
            return Exported(content, answer, True)
        except (UserError, ModuleNotFoundError):
            raise
        except Exception:  # each format raises another error for a constant number of records
            content = entry.make(member, kelvin[:1], False)
            return Exported(content, entry.facts.run(content), False)


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Agreement of a file with eager on `records` records; Dice is global, at the eager maps' best threshold.

    Records without a contrail give no Dice: any would be met by an empty map.
    """

    records: int
    largest_difference: float
    threshold: float | None
    dice_eager: float | None
    dice_exported: float | None


def compare(
    exported: Exported,
    runs: Sequence[Run],
    scenes: Scenes,
    records: Sequence[Record],
    listener: Listener = SILENT,
) -> Parity:
    """Compare the file with the runs as they predict, in float32; UserError for a difference above TOLERANCE."""
    largest, counts = 0.0, np.zeros((2, 2, 256), np.int64)
    for batch, eager in _eager(runs, scenes, records):
        truth = np.stack([scenes.mask(record) for record in batch])
        answers = _answers(exported, runs[0], scenes, batch)
        # The maximum of Python would lose a NaN.
        largest = max(largest, float(np.nan_to_num(np.abs(answers - eager), nan=np.inf).max()))
        if largest > TOLERANCE:
            ids = ", ".join(record.id for record in batch)
            raise UserError(
                f"{runs[0].recipe.name}: the file differs from eager by {largest:.1e} on records {ids}, more than "
                f"{TOLERANCE:g}; nothing is written, choose another --format"
            )
        for count, maps in zip(counts, (eager, answers)):
            values = np.rint(255 * maps).astype(np.uint8)
            count += [np.bincount(values[truth == marked], minlength=256) for marked in (True, False)]
        listener.advance(len(batch))
    threshold, dice, same = _dice(counts)
    return Parity(
        records=len(records), largest_difference=largest, threshold=threshold, dice_eager=dice, dice_exported=same
    )


def _dice(counts: NDArray[np.int64]) -> tuple[float, float, float] | tuple[None, None, None]:
    """Threshold, and Dice of both; counts: (eager and file, contrail and other pixels, 256 values)."""
    if not counts[0][0].any():
        return None, None, None
    dice, threshold, _ = best_dice(*counts[0])
    found = counts[1][:, round(255 * threshold) :].sum(axis=1)
    return threshold, dice, 2 * int(found[0]) / int(found.sum() + counts[1][0].sum())


def _eager(runs: Sequence[Run], scenes: Scenes, records: Sequence[Record]) -> Iterator[tuple[Sequence[Record], Floats]]:
    """Batches of records and their mean maps, predicted as `zoo.inference` does."""
    networks = [load_network(run) for run in runs]
    scalings = [read_scaling(run.scaling, run.recipe.input, run.train_command) for run in runs]
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        maps = []
        for run, network, scaling in zip(runs, networks, scalings):
            images = read_images(run.recipe, scenes, batch, scaling)
            with torch.inference_mode():
                maps.append(probabilities(network, images))
        yield batch, np.mean(maps, axis=0)


def _answers(exported: Exported, run: Run, scenes: Scenes, batch: Sequence[Record]) -> Floats:
    bands = INPUTS.facts(run.recipe.input).bands
    kelvin = np.stack([scenes.kelvin(record, bands, run.recipe.frames) for record in batch])
    if exported.any_number:
        return exported.answer(kelvin)
    return np.concatenate([exported.answer(one[None]) for one in kelvin])
