"""Shift, scale, rotate: a small affine warp."""

from math import pi

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_through, uniform

SHIFT, SCALE, DEGREES = 0.0625, 0.2, 30.0


@AUGMENTATIONS.register("shift_scale_rotate", share=0.75, moves=True)
def shift_scale_rotate(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Shift by up to 1/16 of the side, scale by up to 20 %, rotate by up to 30 degrees; reflect at edges (place 1)."""
    n = len(images)
    angle = uniform(-DEGREES, DEGREES, (n,), generator, images) * pi / 180
    scale = uniform(1 - SCALE, 1 + SCALE, (n,), generator, images)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    turn = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    shift = uniform(-2 * SHIFT, 2 * SHIFT, (n, 2, 1), generator, images)
    return seen_through(torch.cat([turn, shift], dim=2), images, labels, offset)
