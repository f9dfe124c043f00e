"""A U-Net with eight times the usual channels (place 3), enlarged by pixel shuffle.

Pixel shuffle (Shi et al. 2016, arXiv 1609.05158): a 1 x 1 convolution gives each pixel the four that it becomes.
Its four filters start alike, so it starts as nearest neighbour, without a checkerboard (arXiv 1707.02937).
"""

import torch
from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders.unet import UNet, Up, convolution


# Widths: of the levels, coarsest first.
@DECODERS.register("unet_wide", widths=(2048, 1024, 512, 256, 128), early=True, deep=True)
def unet_wide(plan: Plan) -> nn.Module:
    """The wide U-Net; each doubling halves the channels before the skip joins them."""
    return UNet(plan, _shuffled)


def _shuffled(inside: int, skip: int, outside: int, last: bool) -> Up:
    between = max(1, inside // 2)
    return Up(
        nn.Sequential(spread(inside, between), nn.PixelShuffle(2), nn.ReLU(inplace=True)),
        nn.Sequential(convolution(between + skip, outside), convolution(outside, outside)),
    )


def spread(inside: int, outside: int) -> nn.Conv2d:
    """Convolution before a pixel shuffle to so many channels; the four filters of a pixel start alike."""
    made = nn.Conv2d(inside, 4 * outside, kernel_size=1)
    with torch.no_grad():
        made.weight.copy_(made.weight[::4].repeat_interleave(4, dim=0))
        nn.init.zeros_(made.bias)  # type: ignore
    return made
