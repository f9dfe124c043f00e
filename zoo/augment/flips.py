"""Flips: up-down and left-right."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_in
from zoo.geometry import VIEWS


@AUGMENTATIONS.register("flips", share=1.0, moves=True)
def flips(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Flip each scene up-down, left-right, both or not at all."""
    return seen_in(VIEWS["flips"], images, labels, offset, generator)
