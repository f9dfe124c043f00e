"""Global Dice of the held-out records, over all thresholds, from integer counts."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.command import Command
from core.dice import count, global_dice
from core.errors import UserError
from zoo.data import SIZE
from zoo.geometry import resize
from zoo.runtime.precision import autocast
from zoo.runtime.stored import as_images
from zoo.schedules import lower_rate
from zoo.training.dataset import RecordDataset

Scored = tuple[float, float, float] | tuple[None, None, None]  # Dice, threshold, Dice at 0.5; None without a contrail


class NotFinite(UserError):
    """Loss or output that is not finite: the learning rate is too high, or a record is damaged."""


def best_dice(positives: NDArray[np.int64], negatives: NDArray[np.int64]) -> tuple[float, float, float]:
    """Best global Dice over all thresholds of uint8 maps, its threshold, 0 to 1, and the Dice at 0.5.

    positives, negatives: (256,) int64, number of contrail and of other pixels with each value.
    """
    tp = positives[::-1].cumsum()[::-1]
    predicted = tp + negatives[::-1].cumsum()[::-1]
    dice = global_dice(tp, predicted + positives.sum())
    best = 1 + int(dice[1:].argmax())  # at level 0 every pixel is a contrail
    return float(dice[best]), best / 255, float(dice[128])


def score(
    network: nn.Module, held_out: RecordDataset, device: torch.device, batch: int, precision: str = "fp32"
) -> Scored:
    """Score the network on the held-out records by `best_dice`; NotFinite if its output is not finite.

    Without records or contrail pixels there is no score (0/0).
    """
    return best_scored(count_levels(network, held_out, device, batch, precision))


def best_scored(levels: NDArray[np.int64]) -> Scored:
    """`best_dice` of what `count_levels` counted; no score without a contrail pixel."""
    positives, negatives = levels
    return best_dice(positives, negatives) if positives.any() else (None, None, None)


@torch.inference_mode()
def count_levels(
    network: nn.Module,
    held_out: RecordDataset,
    device: torch.device,
    batch: int,
    precision: str = "fp32",
    numbers: Sequence[int] | None = None,
) -> NDArray[np.int64]:
    """Count contrail and other pixels by the value of the network's uint8 maps: (2, 256) int64.

    numbers: of the held-out records to count, by default all. NotFinite if the output is not finite.
    """
    levels = np.zeros((2, 256), np.int64)
    for values, truth in predictions(network, held_out, device, batch, precision, numbers):
        levels += [np.bincount(values[truth], minlength=256), np.bincount(values[~truth], minlength=256)]
    return levels


@torch.inference_mode()
def score_records(
    network: nn.Module,
    held_out: RecordDataset,
    device: torch.device,
    batch: int,
    precision: str,
    threshold: float,
) -> NDArray[np.int64]:
    """Count each held-out record at a threshold of `score`: (n, 3) true positives, predicted, truth."""
    level = round(threshold * 255)
    parts = predictions(network, held_out, device, batch, precision)
    return np.concatenate([np.zeros((0, 3), np.int64), *(count(values >= level, truth) for values, truth in parts)])


def predictions(
    network: nn.Module,
    held_out: RecordDataset,
    device: torch.device,
    batch: int,
    precision: str,
    numbers: Sequence[int] | None = None,
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Yield maps and masks of a batch of records, both (n, 256 * heads, 256)."""
    network.eval()
    asked = range(len(held_out)) if numbers is None else numbers
    parts = [asked[start : start + batch] for start in range(0, len(asked), batch)]
    with held_out.batches(parts) as batches:
        for part, (images, labels) in zip(parts, batches):
            with autocast(device, precision):
                logits = network(as_images(images.to(device))).float()
            if not bool(torch.isfinite(logits).all()):
                ids = ", ".join(held_out.records[number].id for number in part)
                raise NotFinite(
                    f"{held_out.recipe.name}: the output is not finite on held-out records ({ids}); "
                    f"check these records, or lower the learning rate, {lower_rate(held_out.recipe)}"
                    + (", or train in full precision, --set precision=fp32" if precision != "fp32" else ""),
                    Command("data check"),
                )
            values = (resize(logits, SIZE).sigmoid() * 255).round().byte().cpu().numpy()
            yield values.reshape(len(values), -1, SIZE), labels.numpy().reshape(len(values), -1, SIZE) > 0.5
