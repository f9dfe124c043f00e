"""Named targets: maps that a network learns, from a scene's mask and labelers. One function each, one registry line.

In: the mask, float32 (256, 256), in 0..1, and the mask of each labeler, bool (R, 256, 256), R at least 2, or None. Out:
float32 (heads, 256, 256), in 0..1, or NaN where a head's map is not known; the loss leaves such pixels out. The first
head predicts and is known everywhere; further heads only teach. Stays outside: files, torch, the loss.

A record whose labelers are not kept (validation records, ash-colour scenes) has its mask alone: it stands for the share
of labelers, but says nothing of what all of them or any of them marked.
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


TARGETS: Registry[Callable[[Floats, Marked | None], Floats], TargetFacts] = Registry("target", TargetFacts)


@TARGETS.register("hard", weights=(1.0,), labelers=False)
def hard(mask: Floats, labelers: Marked | None) -> Floats:
    """The mask, which the score counts: pixels that more than half of the labelers marked."""
    return mask[None]


@TARGETS.register("mean", weights=(1.0,), labelers=True)
def mean(mask: Floats, labelers: Marked | None) -> Floats:
    """Share of labelers who marked a pixel (places 1 and 2)."""
    return mask[None] if labelers is None else labelers.mean(axis=0, dtype=np.float32, keepdims=True)


@TARGETS.register("double_mean", weights=(1.0,), labelers=True)
def double_mean(mask: Floats, labelers: Marked | None) -> Floats:
    """Twice the share, at most 1: certain where half of them or more marked it (place 6)."""
    return mask[None] if labelers is None else np.minimum(2 * mean(mask, labelers), 1)


@TARGETS.register("mean_hard", weights=(0.5, 0.5), labelers=True)
def mean_hard(mask: Floats, labelers: Marked | None) -> Floats:
    """Two heads: the share, the mask (place 3)."""
    return np.concatenate([mean(mask, labelers), hard(mask, labelers)])


@TARGETS.register("mean_min_max", weights=(1.0, 0.5, 0.5), labelers=True)
def mean_min_max(mask: Floats, labelers: Marked | None) -> Floats:
    """Three heads: the share, what all of them marked, what any of them marked (place 3)."""
    if labelers is None:
        return np.concatenate([mask[None], np.full((2, *mask.shape), np.nan, np.float32)])
    least, most = labelers.all(axis=0), labelers.any(axis=0)
    return np.concatenate([mean(mask, labelers), np.stack([least, most]).astype(np.float32)])


def read_target(scenes: Scenes, record: Record, name: str, border_smoothing: float = 0.0) -> Floats:
    """Read the target of one record: float32 (heads, 256, 256), NaN where a head's map is not known.

    border_smoothing: for `smooth_border` of the mask. Maps made of several labelers' masks stay as they are: their
    borders are soft where the labelers differ.
    """
    entry = TARGETS.entry(name)
    mask = smooth_border(scenes.mask(record), border_smoothing)
    labelers = scenes.source(record).labelers(record) if entry.facts.labelers else None
    return entry.make(mask, labelers if labelers is not None and len(labelers) > 1 else None)


# Gaussian of one pixel over the eight neighbours: those that share an edge, those that share a corner.
_EDGE, _CORNER = np.exp([-0.5, -1.0]) / (4 * np.exp([-0.5, -1.0]).sum())


def smooth_border(mask: Marked, share: float) -> Floats:
    """Smooth labels along the border of a mask: (1 - s / 2) t + s / 2 n, n the weighted mean of the eight neighbours.

    Only pixels beside the border change, by at most half of `share`, so that below 1 a cut at 0.5 gives the mask back,
    lines of one pixel included. A share of 1 is spatially varying label smoothing (Islam and Glocker 2021, arXiv
    2104.05788, 3 x 3, sigma 1). The mask repeats beyond its edges.

    mask: bool (H, W); returns float32 (H, W).
    """
    hard = mask.astype(np.float32)
    if not share:
        return hard
    padded = np.pad(hard, 1, mode="edge")
    across = padded[:, :-2] + padded[:, 2:]
    edges = across[1:-1] + padded[:-2, 1:-1] + padded[2:, 1:-1]
    corners = across[:-2] + across[2:]
    neighbours = _EDGE * edges + _CORNER * corners
    return (hard + share / 2 * (neighbours - hard)).astype(np.float32)


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
