"""Gamma: levels bent between a channel's lowest and highest (place 2)."""

from typing import Annotated

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import WHOLE, uniform
from zoo.members.keys import ABOVE_ZERO


@AUGMENTATIONS.register("gamma", share=0.5, moves=False)
def gamma(
    images: Tensor,
    labels: Tensor,
    offset: float,
    generator: Generator,
    *,
    low: Annotated[float, ABOVE_ZERO] = 0.8,
    high: Annotated[float, ABOVE_ZERO] = 1.2,
) -> tuple[Tensor, Tensor]:
    """Raise levels to a power of `low` to `high`, where 0 and 1 are the channel's extremes in the scene."""
    power = uniform(low, high, (len(images), 1, 1, 1, 1), generator, images)
    least = images.amin(dim=WHOLE, keepdim=True)
    span = (images.amax(dim=WHOLE, keepdim=True) - least).clamp(min=1e-6)
    return ((images - least) / span) ** power * span + least, labels
