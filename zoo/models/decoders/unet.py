"""The log's U-Net decoder: transposed convolutions, skips, two convolutions a level.

Form 1 is the one before the log's refactor 2: a transposed convolution brings the features down to the level's
width, and the last upsampling is followed by one convolution. Form 2 has one convolution more there, and its
transposed convolutions keep their number of filters.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from zoo.models.decoders import DECODERS

WIDTHS = (256, 128, 64, 32, 16)  # of the levels, coarsest first


class Up(nn.Module):
    """Double the side, join the skip, convolve."""

    def __init__(self, inside: int, skip: int, outside: int, form: int, convolutions: int) -> None:
        super().__init__()
        between = inside if form == 2 else outside
        self.up = nn.ConvTranspose2d(inside, between, kernel_size=2, stride=2)
        widths = [between + skip] + [outside] * convolutions
        self.mix = nn.Sequential(*(_convolution(a, b) for a, b in pairwise(widths)))

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = self.up(x)
        mixed: Tensor = self.mix(x if skip is None else torch.cat([x, skip], dim=1))
        return mixed


class UNet(nn.Module):
    """Ronneberger et al. 2015 (arXiv 1505.04597) on a pretrained pyramid."""

    def __init__(self, channels: list[int], strides: list[int], form: int, heads: int) -> None:
        super().__init__()
        doublings = strides[-1].bit_length() - 1
        skips = dict(zip(strides, channels))
        widths = WIDTHS[-doublings:] if doublings <= len(WIDTHS) else WIDTHS
        inside = channels[-1]
        self.skips = [1 << level for level in reversed(range(doublings))]  # strides after each doubling
        ups = []
        for stride, outside in zip(self.skips, widths):
            last = stride == 1
            ups.append(Up(inside, skips.get(stride, 0), outside, form, 1 if last and form == 1 else 2))
            inside = outside
        self.ups = nn.ModuleList(ups)
        self.strides = strides
        self.head = nn.Conv2d(inside, heads, kernel_size=1)
        # Contrails are rare: the first guess is 1 %, not a half, so the first steps are not spent on that.
        nn.init.constant_(self.head.bias, -4.6)  # type: ignore

    def forward(self, features: list[Tensor]) -> Tensor:
        at = dict(zip(self.strides, features))
        x = features[-1]
        for stride, up in zip(self.skips, self.ups):
            x = up(x, at.get(stride))
        logits: Tensor = self.head(x)
        return logits


@DECODERS.register("unet")
def unet(channels: list[int], strides: list[int], form: int, heads: int) -> nn.Module:
    """The log's U-Net; `form` 1 or 2."""
    return UNet(channels, strides, form, heads)


def _convolution(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )
