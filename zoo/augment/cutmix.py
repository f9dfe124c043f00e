"""CutMix: a box of another scene."""

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import boxes, others, uniform


@AUGMENTATIONS.register("cutmix", share=0.5, moves=True)
def cutmix(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Paste a square of another scene, 0 to 1 of the area, image and label (arXiv 1905.04899, Beta(1, 1))."""
    (other,) = others(len(images), 1, generator).to(images.device)
    side = uniform(0, 1, (len(images),), generator, images).sqrt()
    box = boxes(side, side, generator, images.shape[-1])
    return torch.where(box[:, None], images[other], images), torch.where(box, labels[other], labels)
