"""Random resized crop: a part of the scene, enlarged to the whole."""

from math import log

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_through, uniform

AREA = (0.5, 1.0)  # of the part; place 3 took 0.75 to 1, place 6 a side of 0.875 to 1
ASPECT = (3 / 4, 4 / 3)


@AUGMENTATIONS.register("random_resized_crop", share=1.0, moves=True)
def random_resized_crop(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Crop a rectangle of 0.5 to 1 of the area, aspect ratio 3:4 to 4:3, and resize it."""
    n = len(images)
    area = uniform(*AREA, (n,), generator, images)
    aspect = uniform(log(ASPECT[0]), log(ASPECT[1]), (n,), generator, images).exp()
    half = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp(max=1)
    centre = uniform(-1, 1, (n, 2), generator, images) * (1 - half)
    return seen_through(torch.cat([torch.diag_embed(half), centre[..., None]], dim=2), images, labels, offset)
