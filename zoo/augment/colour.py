"""Levels of each channel on its own, and saturation."""

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import uniform, with_levels

CONTRAST, BRIGHTNESS, SATURATION = 0.1, 0.2, 0.3


@AUGMENTATIONS.register("colour", share=0.5, moves=False)
def colour(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Contrast 0.9 to 1.1, brightness up to 0.2 standard deviations, saturation 0.7 to 1.3 about the channels' mean."""
    n, _, channels = images.shape[:3]
    each = (n, 1, channels, 1, 1)
    contrast = uniform(1 - CONTRAST, 1 + CONTRAST, each, generator, images)
    seen = with_levels(images, contrast, uniform(-BRIGHTNESS, BRIGHTNESS, each, generator, images))
    saturation = uniform(1 - SATURATION, 1 + SATURATION, (n, 1, 1, 1, 1), generator, images)
    grey = seen.mean(dim=2, keepdim=True)
    return grey + saturation * (seen - grey), labels


def jitter(images: Tensor, amount: float, generator: Generator) -> Tensor:
    """Jitter contrast and brightness of each scene's channels: x -> (x - mean) * a + mean + b.

    a is drawn from 1 - amount to 1 + amount, b from -amount / 2 to amount / 2, alike for all frames of a scene.
    Absolute values do not separate contrails, local contrast does; amount 0 changes nothing.
    """
    if not amount:
        return images
    n, _, channels = images.shape[:3]
    drawn = torch.rand(2, n, 1, channels, 1, 1, generator=generator).to(images.device) * 2 - 1
    mean = images.mean(dim=(-1, -2), keepdim=True)
    return (images - mean) * (1 + amount * drawn[0]) + mean + amount / 2 * drawn[1]
