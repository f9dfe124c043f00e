"""Augmentation: batches of images and labels, changed together on the device. One file each, named as it.

In: images (n, frames, channels, H, W), labels (n, heads, H, W), the label's offset, a generator. Out: the same, new.
An augmentation draws anew for every scene, changes all frames of a scene alike, and leaves its label where it lay on
the image: `offset` pixels further down and right (zoo.registration), 0 for labels on the image's own grid. Numbers are
drawn on the CPU, so that every device draws the same. Stays outside: which of them a recipe names, files, the loop.

Facts of an entry:
share   of the scenes that it changes, where a recipe does not say
moves   whether the label changes with the image
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Generator, Tensor

from core.registry import Registry, load_modules
from zoo.augment._squares import crop
from zoo.members import Recipe
from zoo.members.terms import Term
from zoo.registration import LABEL_OFFSET

Pair = tuple[Tensor, Tensor]
AUGMENTATIONS: Registry[Callable[[Tensor, Tensor, float, Generator], Pair]] = Registry("augmentation")

load_modules(__name__, Path(__file__).parent)

from zoo.augment.colour import jitter  # noqa: E402  it registers itself first

__all__ = ["AUGMENTATIONS", "augment", "crop", "jitter", "training_view"]


def training_view(recipe: Recipe, images: Tensor, labels: Tensor, device: torch.device, generator: Generator) -> Pair:
    """A batch as the network is to see it while it learns: squares, augmentations, jitter; on `device`."""
    images, labels = crop(images, labels, recipe.crop, recipe.crop_on_contrails, generator)
    images, labels = images.to(device), labels.to(device)
    offset = LABEL_OFFSET if recipe.registered else 0.0
    images, labels = augment(images, labels, recipe.augment_terms, offset, generator)
    return jitter(images, recipe.jitter, generator), labels


def augment(images: Tensor, labels: Tensor, terms: Sequence[Term], offset: float, generator: Generator) -> Pair:
    """One augmentation after the other, each of a drawn share of the scenes."""
    for term in terms:
        entry = AUGMENTATIONS.entry(term.name)
        share = entry.facts["share"] if term.weight is None else term.weight
        seen, marked = entry.make(images, labels, offset, generator)
        if share < 1:
            drawn = (torch.rand(len(images), generator=generator) < share).to(images.device)
            seen = torch.where(drawn[:, None, None, None, None], seen, images)
            marked = torch.where(drawn[:, None, None, None], marked, labels)
        images, labels = seen, marked
    return images, labels
