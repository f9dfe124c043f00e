"""Flips: up-down and left-right."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_from


@AUGMENTATIONS.register("flips", share=1.0, moves=True)
def flips(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """One of the four views that flips make."""
    return seen_from("flips", images, labels, offset, generator)
