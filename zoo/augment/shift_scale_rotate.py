"""Shift, scale, rotate: a small affine warp."""

from math import pi
from typing import Annotated

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_through, uniform
from zoo.members.keys import BELOW_ONE, SHARE, Rule

ANGLE = Rule(lambda degrees: 0 <= degrees <= 180, "give degrees, 0 to 180")


@AUGMENTATIONS.register("shift_scale_rotate", share=0.75, moves=True)
def shift_scale_rotate(
    images: Tensor,
    labels: Tensor,
    offset: float,
    generator: Generator,
    *,
    shift: Annotated[float, SHARE] = 0.0625,
    scale: Annotated[float, BELOW_ONE] = 0.2,
    degrees: Annotated[float, ANGLE] = 30.0,
) -> tuple[Tensor, Tensor]:
    """Shift by up to `shift` of the side, scale by up to `scale`, rotate by up to `degrees`; reflect at edges.

    The defaults are place 1's: a sixteenth, 20 %, 30 degrees.
    """
    n = len(images)
    angle = uniform(-degrees, degrees, (n,), generator, images) * pi / 180
    factor = uniform(1 - scale, 1 + scale, (n,), generator, images)
    cos, sin = angle.cos() / factor, angle.sin() / factor
    turn = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    by = uniform(-2 * shift, 2 * shift, (n, 2, 1), generator, images)
    return seen_through(torch.cat([turn, by], dim=2), images, labels, offset)
