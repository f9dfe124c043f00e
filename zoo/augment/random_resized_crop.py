"""Random resized crop: a part of the scene, enlarged to the whole."""

from math import log
from typing import Annotated

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_through, uniform
from zoo.members.keys import Rule

ASPECT = (3 / 4, 4 / 3)
AREA = Rule(lambda area: 0 < area <= 1, "give a share of the area, above 0, up to 1")


@AUGMENTATIONS.register("random_resized_crop", share=1.0, moves=True)
def random_resized_crop(
    images: Tensor,
    labels: Tensor,
    offset: float,
    generator: Generator,
    *,
    low: Annotated[float, AREA] = 0.5,
    high: Annotated[float, AREA] = 1.0,
) -> tuple[Tensor, Tensor]:
    """Crop a rectangle of `low` to `high` of the area, aspect ratio 3:4 to 4:3, and resize it."""
    n = len(images)
    area = uniform(low, high, (n,), generator, images)
    aspect = uniform(log(ASPECT[0]), log(ASPECT[1]), (n,), generator, images).exp()
    half = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp(max=1)
    centre = uniform(-1, 1, (n, 2), generator, images) * (1 - half)
    return seen_through(torch.cat([torch.diag_embed(half), centre[..., None]], dim=2), images, labels, offset)
