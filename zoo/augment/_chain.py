"""Training view of a batch: random crops, the recipe's augmentations one after the other, jitter."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS, Pair
from zoo.augment._squares import crop
from zoo.augment.colour import jitter
from zoo.geometry import LABEL_OFFSET
from zoo.members import Recipe
from zoo.members.terms import Term


def training_view(recipe: Recipe, images: Tensor, labels: Tensor, device: torch.device, generator: Generator) -> Pair:
    """Crop, augment and jitter a batch for training; returns it on `device`."""
    images, labels = crop(images, labels, recipe.crop, recipe.crop_on_contrails, generator)
    images, labels = images.to(device), labels.to(device)
    offset = LABEL_OFFSET if recipe.registered else 0.0
    images, labels = augment(images, labels, recipe.augment_terms, offset, generator)
    return jitter(images, recipe.jitter, generator), labels


def augment(images: Tensor, labels: Tensor, terms: Sequence[Term], offset: float, generator: Generator) -> Pair:
    """Apply the augmentations one after the other, each to a drawn share of the scenes."""
    for term in terms:
        entry = AUGMENTATIONS.entry(term.name)
        share = entry.facts.share if term.weight is None else term.weight
        seen, marked = entry.make(images, labels, offset, generator)
        if share < 1:
            drawn = (torch.rand(len(images), generator=generator) < share).to(images.device)
            seen = torch.where(drawn[:, None, None, None, None], seen, images)
            marked = torch.where(drawn[:, None, None, None], marked, labels)
        images, labels = seen, marked
    return images, labels
