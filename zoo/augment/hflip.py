"""Flip left-right, alone: an axis with a share of its own (place 3)."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.geometry import View

VIEW = View(hflip=True)


@AUGMENTATIONS.register("hflip", share=0.5, moves=True)
def hflip(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Flip each scene left-right."""
    return VIEW.apply(images), VIEW.apply(labels, offset)
