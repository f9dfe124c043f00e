"""Flip up-down, alone: an axis with a share of its own (place 3)."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.geometry import View

VIEW = View(vflip=True)


@AUGMENTATIONS.register("vflip", share=0.5, moves=True)
def vflip(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Flip each scene up-down."""
    return VIEW.apply(images), VIEW.apply(labels, offset)
