"""The plain U-Net: nearest neighbour doubles the side, no weights do (smp's Unet: places 1, 3 and 6; place 4's own)."""

from functools import partial
from typing import Annotated

from torch import nn

from zoo.members.keys import Rule
from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders.unet import WIDTHS, UNet, Up, convolution

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}
ACTIVATION = Rule(lambda name: name in ACTIVATIONS, f"give {' or '.join(ACTIVATIONS)}")


@DECODERS.register("unet_nearest", widths=WIDTHS, early=True)
def unet_nearest(plan: Plan, *, activation: Annotated[str, ACTIVATION] = "relu") -> nn.Module:
    """Each level: nearest x 2, the skip joins, two convolutions with this activation."""
    return UNet(plan, partial(_nearest, ACTIVATIONS[activation]))


def _nearest(activation: type[nn.Module], inside: int, skip: int, outside: int, last: bool) -> Up:
    return Up(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Sequential(convolution(inside + skip, outside, activation), convolution(outside, outside, activation)),
    )
