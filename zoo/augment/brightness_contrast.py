"""Brightness and contrast, changed equally in all channels."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import uniform, with_levels

CONTRAST, BRIGHTNESS = 0.2, 0.3


@AUGMENTATIONS.register("brightness_contrast", share=0.5, moves=False)
def brightness_contrast(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Change contrast by 0.8 to 1.2 and brightness by up to 0.3 of a channel's standard deviation."""
    each = (len(images), 1, 1, 1, 1)
    contrast = uniform(1 - CONTRAST, 1 + CONTRAST, each, generator, images)
    return with_levels(images, contrast, uniform(-BRIGHTNESS, BRIGHTNESS, each, generator, images)), labels
