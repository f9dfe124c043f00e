"""Inference: from trained runs to probability maps, merged over test-time views, and to modules of torch.

In: runs, records. Out: maps (256, 256), one record after another, and the prediction set that they are written to;
modules from kelvin to probability.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from ttach.base import Chain

from core.errors import UserError
from core.listener import SILENT, Listener
from zoo.data import LABELLED, SIZE, Record, Scenes
from zoo.data.folds import count_of
from zoo.geometry import resize
from zoo.inputs import INPUTS, Channels, frames_at, read_scaling, require_input
from zoo.models import Segmenter, build
from zoo.prediction_sets import set_writer
from zoo.predictions import PredictionSet, PredictionWriter
from zoo.runs.run import EndedRun, Run
from zoo.runtime.checkpoints import load_weights
from zoo.runtime.devices import choose_device
from zoo.runtime.folding import fold_batch_norms
from zoo.runtime.parts import Parts
from zoo.runtime.precision import autocast, prediction_precision
from zoo.runtime.prefetch import in_background, prefetch
from zoo.training.dataset import read_images
from zoo.tta import compose, merged, scaled_sides
from zoo.views import SingleView, ViewSet, parse_views, single_views

BATCH = 8  # records that are read together


def probabilities(
    network: nn.Module,
    images: Tensor,
    tta: str = "none",
    offset: float = 0.0,
    precision: str = "fp32",
    parts: Parts | None = None,
) -> NDArray[np.float32]:
    """Images (n, frames, channels, 256, 256) -> probability (n, 256, 256), merged over the views of `tta`.

    tta: as `zoo.views.parse_views` takes it; `scale` in it needs a Segmenter. offset: pixels down and right of the
    image at which the network predicts in every view; its maps are brought home with it. parts: how many images the
    network takes at once. On a card the views are computed together, which gains nothing on a CPU.
    """
    views = parse_views(tta)
    parts = parts or Parts(images.device)
    if images.device.type == "cpu":
        computed = _view_maps(network, images, views, offset, precision, parts)
        maps: Iterator[Tensor] = (compute() for compute in computed)
    else:
        maps = _views_together(network, images, views, offset, precision, parts)
    merged_maps: NDArray[np.float32] = merged(views, maps)[:, 0].numpy()
    return merged_maps


def _view_maps(
    network: nn.Module, images: Tensor, views: ViewSet, offset: float, precision: str, parts: Parts
) -> Iterator[Callable[[], Tensor]]:
    """Functions that compute the map of each view, (n, 1, 256, 256), brought home to the CPU."""
    for view in _composed(network, views, offset):

        def compute(view: Chain = view) -> Tensor:
            logits = _logits(network, view.augment_image(images), views, precision, parts)
            return _home(view, logits)

        yield compute


def _views_together(
    network: nn.Module, images: Tensor, views: ViewSet, offset: float, precision: str, parts: Parts
) -> Iterator[Tensor]:
    """Maps of the views in their order, (n, 1, 256, 256); views of one side share their forward passes."""
    composed = _composed(network, views, offset)
    seen = [view.augment_image(images) for view in composed]
    sides = dict.fromkeys(each.shape[-1] for each in seen)
    found: dict[int, Tensor] = {}
    for side in sides:
        numbers = [number for number, each in enumerate(seen) if each.shape[-1] == side]
        logits = _logits(network, torch.cat([seen[number] for number in numbers]), views, precision, parts)
        found |= zip(numbers, logits.split(len(images)))
    for number, view in enumerate(composed):
        yield _home(view, found[number])


def _composed(network: nn.Module, views: ViewSet, offset: float) -> list[Chain]:
    return compose(views, network.size if scaled_sides(views, SIZE) else SIZE, offset)  # type: ignore


def _logits(network: nn.Module, seen: Tensor, views: ViewSet, precision: str, parts: Parts) -> Tensor:
    """Logits at 256 of the images of a view."""
    side = (seen.shape[-1],) if scaled_sides(views, SIZE) else ()

    def compute(part: Tensor) -> Tensor:
        with autocast(part.device, precision):
            logits: Tensor = network(part, *side)
        return resize(logits.float(), SIZE)

    return parts.apply(compute, seen)


def _home(view: Chain, logits: Tensor) -> Tensor:
    # Merged on the CPU: the same bits wherever the network computes.
    maps: Tensor = view.deaugment_mask(logits.sigmoid()).cpu()
    return maps


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """Maps of a few records in each view, float32 (n, 256, 256), and the processor seconds that each view took."""

    record_ids: tuple[str, ...]
    maps: Mapping[SingleView, NDArray[np.float32]]
    seconds: Mapping[SingleView, float]


def load_network(run: Run) -> Segmenter:
    """Network of a run with its best weights, in evaluation mode; UserError if its file is damaged or gone."""
    network = build(run.recipe.final, "none")
    load_weights(run.best, network)
    return network.eval()


class RunModel(nn.Module):
    """Module of one run: kelvin, float32 (n, bands, frames, 256, 256) -> probability, float32 (n, 256, 256).

    It holds the input's function and its statistics, so that it takes what a scene's files hold. UserError for an input
    whose function does not run on tensors.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, run: Run) -> None:
        super().__init__()
        name = run.recipe.input
        self.to_channels, channels = _tensor_function(name), INPUTS.facts(name).channels
        scaling = read_scaling(run.scaling, name, run.train_command)
        shift, scale = (scaling.shift, scaling.scale) if scaling else (np.zeros(channels), np.ones(channels))
        for key, values in (("shift", shift), ("scale", scale)):
            self.register_buffer(key, torch.from_numpy(values).float().view(-1, 1, 1))
        self.network = load_network(run)

    def forward(self, kelvin: Tensor) -> Tensor:
        """Probability of a contrail in each pixel; images are rounded to half precision, as they are in training."""
        channels = (torch.stack(self.to_channels(*kelvin.unbind(1)), dim=2) - self.shift) / self.scale
        return resize(self.network(channels.half().float()), SIZE).sigmoid()[:, 0]


class MemberModel(nn.Module):
    """Module of several runs of one recipe: their mean probability; in evaluation mode.

    bands, frames: numbers of the bands and frames that it takes, in the order of its input's axes.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__()
        self.bands = INPUTS.facts(runs[0].recipe.input).bands
        self.frames = runs[0].recipe.frames
        self.models = nn.ModuleList(RunModel(run) for run in runs)
        self.eval()

    def forward(self, kelvin: Tensor) -> Tensor:
        """Kelvin, float32 (n, bands, frames, 256, 256) -> probability, float32 (n, 256, 256)."""
        found = [model(kelvin) for model in self.models]
        return found[0] if len(found) == 1 else torch.stack(found).mean(dim=0)


def _tensor_function(name: str) -> Callable[..., Channels]:
    """Function of an input; UserError if it computes with anything but torch, which no graph can follow."""
    entry = INPUTS.entry(name)
    try:
        # Tensors without values: numpy cannot read them.
        entry.make(*torch.empty(len(entry.facts.bands), 1, SIZE, SIZE, device="meta"))
    except (TypeError, RuntimeError, AttributeError) as error:
        raise UserError(
            f'input "{name}": its function does not run on tensors ({error}); '
            "write it in arithmetic, slices and methods that both arrays and tensors have"
        ) from error
    return entry.make


@torch.inference_mode()
def predict_records(
    run: Run,
    scenes: Scenes,
    records: Sequence[Record],
    tta: str,
    device_name: str,
    frame: int = LABELLED,
    listener: Listener = SILENT,
) -> Generator[tuple[str, NDArray[np.float32]]]:
    """Iterate over (record id, probability (256, 256)) of the records at a frame, in their order, in bounded memory."""
    with closing(_batches(run, scenes, records, device_name, frame, listener)) as batches:
        for batch, network, images, precision, parts in batches:
            maps = probabilities(network, images, tta, run.recipe.final.view_offset, precision, parts)
            yield from zip((record.id for record in batch), maps)


@torch.inference_mode()
def predict_views(
    run: Run,
    scenes: Scenes,
    records: Sequence[Record],
    sets: Sequence[ViewSet],
    device_name: str,
    offset: float | None = None,
) -> Generator[ViewBatch]:
    """Iterate over the maps of the records, in their order, in each view of the sets; a view is computed once.

    offset: by default that at which the run was trained.
    """
    offset = run.recipe.final.view_offset if offset is None else offset
    with closing(_batches(run, scenes, records, device_name, LABELLED)) as batches:
        for batch, network, images, precision, parts in batches:
            maps: dict[SingleView, NDArray[np.float32]] = {}
            seconds: dict[SingleView, float] = {}
            for views in sets:
                computed = _view_maps(network, images, views, offset, precision, parts)
                for view, compute in zip(single_views(views), computed):
                    if view not in maps:
                        start = time.process_time()
                        maps[view] = compute()[:, 0].numpy()
                        seconds[view] = time.process_time() - start
            yield ViewBatch(tuple(record.id for record in batch), maps, seconds)


def _batches(
    run: Run,
    scenes: Scenes,
    records: Sequence[Record],
    device_name: str,
    frame: int,
    listener: Listener = SILENT,
) -> Generator[tuple[Sequence[Record], nn.Module, Tensor, str, Parts]]:
    """Iterate over batches of records with the run's network, their images on its device, precision and parts."""
    device = choose_device(device_name)
    precision = prediction_precision(run.recipe.final.precision, device)
    network: nn.Module = load_network(run).to(device, memory_format=torch.channels_last)  # type: ignore
    require_input(scenes, records, run.recipe.input, frames_at(run.recipe.frames, frame))
    scaling = read_scaling(run.scaling, run.recipe.input, run.train_command)
    batches = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]
    parts = Parts(device, listener, run.label)
    with prefetch(lambda batch: read_images(run.recipe, scenes, batch, scaling, frame), batches) as read:
        for number, (batch, images) in enumerate(zip(batches, read)):
            images = images.to(device)
            if not number:
                network = fold_batch_norms(network, images[:1])
            yield batch, network, images, precision, parts


def predict_set(
    ended: EndedRun,
    scenes: Scenes,
    records: Sequence[Record],
    *,
    split: str,
    tta: str = "none",
    device_name: str = "auto",
    listener: Listener = SILENT,
) -> PredictionSet:
    """Predict `records` with a trained run: write its prediction set, or resume it; a complete one is reused.

    split: that of pseudo-labels names the frame that is predicted (zoo.predictions.splits). Records whose files have
    changed since they were predicted are predicted again, with a note. The listener counts records. UserError if the
    run's weights have changed since its end.
    """
    run, by_id = ended.run, {record.id: record for record in records}
    with set_writer(ended, scenes, records, split, tta, listener) as writer:
        if writer.changed:
            listener.note(
                f"{run.label} {split}: the files of {count_of(writer.changed)} have changed since they were predicted, "
                "or are no longer known; predicted again"
            )
        missing = [by_id[record_id] for record_id in writer.missing]
        listener.advance(len(by_id) - len(missing))
        if missing:
            start = time.perf_counter()
            frame = writer.provenance.frame or LABELLED
            found = predict_records(run, scenes, missing, tta, device_name, frame, listener)
            with closing(found) as maps, in_background(partial(_add, writer)) as add:
                for pair in maps:
                    add(pair)
                    listener.advance(1)
            writer.seconds_per_record = (time.perf_counter() - start) / len(missing)
    return PredictionSet(writer.folder, writer.manifest)


def _add(writer: PredictionWriter, pair: tuple[str, NDArray[np.float32]]) -> None:
    writer.add(*pair)
