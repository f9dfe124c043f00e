"""Named targets: maps that a network learns, from a scene's mask and labelers. One function each, one registry line.

In: the mask, bool (256, 256), and the mask of each labeler, bool (R, 256, 256). Out: float32 (heads, 256, 256), in
0..1. The first head is the one that predicts; further ones only teach. Stays outside: files, torch, smoothing.

A record whose labelers are not kept (validation records, ash-colour scenes) counts as marked by one, who marked the
mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.registry import Registry

if TYPE_CHECKING:
    from zoo.data import Record, Scenes

Floats = NDArray[np.float32]
Marked = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TargetFacts:
    """Facts of a target."""

    weights: tuple[float, ...]  # of each head in the loss
    labelers: bool  # made from the labelers' masks; else from the mask alone


TARGETS: Registry[Callable[[Marked, Marked], Floats], TargetFacts] = Registry("target", TargetFacts)


@TARGETS.register("hard", weights=(1.0,), labelers=False)
def hard(mask: Marked, labelers: Marked) -> Floats:
    """The mask, which the score counts: pixels that more than half of the labelers marked."""
    return mask[None].astype(np.float32)


@TARGETS.register("mean", weights=(1.0,), labelers=True)
def mean(mask: Marked, labelers: Marked) -> Floats:
    """Share of labelers who marked a pixel (places 1 and 2)."""
    return labelers.mean(axis=0, dtype=np.float32, keepdims=True)


@TARGETS.register("double_mean", weights=(1.0,), labelers=True)
def double_mean(mask: Marked, labelers: Marked) -> Floats:
    """Twice the share, at most 1: certain where half of them or more marked it (place 6)."""
    return np.minimum(2 * mean(mask, labelers), 1)


@TARGETS.register("mean_min_max", weights=(1.0, 0.5, 0.5), labelers=True)
def mean_min_max(mask: Marked, labelers: Marked) -> Floats:
    """Three heads: the share, what all of them marked, what any of them marked (place 3)."""
    least, most = labelers.all(axis=0), labelers.any(axis=0)
    return np.concatenate([mean(mask, labelers), np.stack([least, most]).astype(np.float32)])


def read_target(scenes: Scenes, record: Record, name: str) -> Floats:
    """Read the target of one record: float32 (heads, 256, 256)."""
    entry = TARGETS.entry(name)
    mask = scenes.mask(record)
    labelers = scenes.source(record).labelers(record) if entry.facts.labelers else None
    return entry.make(mask, mask[None] if labelers is None else labelers)


def without_labelers(scenes: Scenes, records: Sequence[Record], name: str) -> int:
    """Count the records without labelers, whose mask is used instead."""
    if not TARGETS.facts(name).labelers:
        return 0
    return sum(not scenes.source(record).has_labelers(record) for record in records)


def require_target(scenes: Scenes, records: Sequence[Record], name: str) -> None:
    """Raise UserError if the target needs labelers and no record has any."""
    if without_labelers(scenes, records, name) == len(records):
        raise UserError(
            f'target "{name}": none of the {len(records)} records to train on has human_individual_masks.npy; '
            "name a source that has them, or --set target=hard"
        )
