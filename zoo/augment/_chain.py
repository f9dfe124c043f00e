"""Training view of a batch: random crops, the recipe's augmentations one after the other, jitter."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS, Pair
from zoo.augment.colour import jitter
from zoo.members import Recipe
from zoo.members.keys import refusal
from zoo.members.options import options_of
from zoo.members.terms import Term, leaves
from zoo.runtime.stored import as_images

# Least target of a contrail pixel: one labeler's of nineteen, and more than a network's clear sky.
MARKED = 0.05


def training_view(recipe: Recipe, images: Tensor, labels: Tensor, device: torch.device, generator: Generator) -> Pair:
    """Crop, augment and jitter a batch for training; returns it on `device`."""
    images, labels = crop(images, labels, recipe.crop, recipe.crop_on_contrails, generator)
    images, labels = as_images(images.to(device)), labels.to(device).float()
    images, labels = augment(images, labels, recipe.augment_terms, recipe.view_offset, generator)
    return jitter(images, recipe.jitter, generator), labels


def augment(images: Tensor, labels: Tensor, terms: Sequence[Term], offset: float, generator: Generator) -> Pair:
    """Apply augmentations and groups of them one after the other, each to a drawn share of the scenes."""
    for term in terms:
        if term.terms:
            default = 1.0
            seen, marked = augment(images, labels, term.terms, offset, generator)
        else:
            entry = AUGMENTATIONS.entry(term.name)
            default = entry.facts.share
            seen, marked = entry.make(images, labels, offset, generator, **_options(term))
        share = default if term.weight is None else term.weight
        if share < 1:
            drawn = (torch.rand(len(images), generator=generator) < share).to(images.device)
            seen = torch.where(drawn[:, None, None, None, None], seen, images)
            marked = torch.where(drawn[:, None, None, None], marked, labels)
        images, labels = seen, marked
    return images, labels


def check_augment(recipe: Recipe) -> None:
    """UsageError for an option that does not fit, or an augmentation that the recipe's input or frames do not allow."""
    for term in leaves(recipe.augment_terms):
        entry = AUGMENTATIONS.entry(term.name)
        options_of(term, entry.make, recipe.name)
        if reason := entry.facts.misfit(recipe):
            raise refusal(recipe.name, "augment", recipe.augment, f"{term.name} {reason}")


@cache
def _options(term: Term) -> dict[str, Any]:
    """Options of a term, checked; asked for at every batch."""
    return options_of(term, AUGMENTATIONS.get(term.name), "augment")


def crop(images: Tensor, labels: Tensor, side: int, on_contrails: float, generator: Generator) -> Pair:
    """Crop a square of `side` pixels from each scene; `side` 0 leaves the scenes whole.

    Contrails cover half a percent of the pixels: in scenes that have any, a share `on_contrails` of the squares is laid
    around one of their pixels, the others anywhere.
    """
    if not side:
        return images, labels
    corners = [_corner(label[0], side, on_contrails, generator) for label in labels]
    squares = [(..., slice(row, row + side), slice(column, column + side)) for row, column in corners]
    return (
        torch.stack([image[square] for image, square in zip(images, squares)]),
        torch.stack([label[square] for label, square in zip(labels, squares)]),
    )


def _corner(label: Tensor, side: int, on_contrails: float, generator: Generator) -> tuple[int, int]:
    room = label.shape[-1] - side
    marked = (label > MARKED).nonzero() if torch.rand((), generator=generator) < on_contrails else label.new_empty(0, 2)
    if not len(marked):
        row, column = torch.randint(room + 1, (2,), generator=generator).tolist()
        return row, column
    pixel = marked[int(torch.randint(len(marked), (), generator=generator))]
    # The pixel lies anywhere in the square, not always at its centre.
    offset = torch.randint(side, (2,), generator=generator)
    row, column = (pixel - offset).clamp(0, room).int().tolist()
    return row, column
