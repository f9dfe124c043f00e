"""Mixup: a weighted mean of two scenes."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import others, uniform


@AUGMENTATIONS.register("mixup", share=0.5, moves=True)
def mixup(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mix m x + (1 - m) y, labels too, m between 0 and 1 (arXiv 1710.09412, Beta(1, 1)); labels become soft."""
    (other,) = others(len(images), 1, generator).to(images.device)
    m = uniform(0, 1, (len(images), 1, 1, 1), generator, images)
    return m[..., None] * images + (1 - m[..., None]) * images[other], m * labels + (1 - m) * labels[other]
