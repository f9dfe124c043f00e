"""Cutout: a hole in the scene."""

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import boxes, uniform

SIDES = (0.125, 0.375)  # of the hole, shares of the scene's


@AUGMENTATIONS.register("cutout", share=0.5, moves=True)
def cutout(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Fill a rectangle with each channel's mean and clear its label (arXiv 1708.04552)."""
    height, width = uniform(*SIDES, (2, len(images)), generator, images)
    hole = boxes(height, width, generator, images.shape[-1])
    mean = images.mean(dim=(-1, -2), keepdim=True)
    return torch.where(hole[:, None], mean, images), labels.masked_fill(hole, 0)
