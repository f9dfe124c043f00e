"""Place 2's decoder: a U-Net of pixel shuffles, an FPN beside it, and a last doubling that ends in a blur.

The maps of all levels but the finest go through two convolutions each, are enlarged and joined to the finest one, so
that the logits see every level. The blur is a mean of 2 x 2 pixels against the checkerboard of the last pixel shuffle.
It moves maps by half a pixel down and right, which the convolution behind it can undo, or keep.
"""

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from zoo.geometry import resize
from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import logit_head
from zoo.models.decoders.unet_wide import spread

SIDE = 32  # channels of each level in the FPN


# Widths: of the levels at strides 16, 8 and 4.
@DECODERS.register("unet_fpn", widths=(384, 192, 96), needs=(4, 8, 16, 32))
class UNetFPN(nn.Module):
    """Logits at stride 2: of 256 pixels for images of 512."""

    stride = 2

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        *skips, inside = plan.channels[-4:]
        levels = [inside, *plan.widths]
        self.ups = nn.ModuleList(_doubled(width, width // 2) for width in levels[:-1])
        self.norms = nn.ModuleList(LayerNorm2d(skip) for skip in skips[::-1])
        self.mixes = nn.ModuleList(
            nn.Sequential(
                nn.GELU(), _convolution(width // 2 + skip, outside), nn.GELU(), _convolution(outside, outside)
            )
            for width, skip, outside in zip(levels, skips[::-1], plan.widths)
        )
        self.beside = nn.ModuleList(
            nn.Sequential(_convolution(width, 2 * SIDE), nn.GELU(), LayerNorm2d(2 * SIDE), _convolution(2 * SIDE, SIDE))
            for width in levels[:-1]
        )
        joined = levels[-1] + SIDE * len(self.beside)
        last = joined // 4
        self.last = nn.Sequential(
            _doubled(joined, last),
            nn.ReplicationPad2d((1, 0, 1, 0)),
            nn.AvgPool2d(2, stride=1),
            _convolution(last, last),
            LayerNorm2d(last),
            nn.GELU(),
        )
        self.head = logit_head(last, plan.heads)

    def forward(self, features: list[Tensor]) -> Tensor:
        *skips, inside = features[-4:]
        maps = [inside]
        for up, norm, mix, skip in zip(self.ups, self.norms, self.mixes, skips[::-1]):
            maps.append(mix(torch.cat([up(maps[-1]), norm(skip)], dim=1)))
        finest = maps.pop()
        beside = [resize(convolve(each), finest.shape[-1]) for convolve, each in zip(self.beside, maps)]
        logits: Tensor = self.head(self.last(torch.cat([*beside, finest], dim=1)))
        return logits


def _doubled(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(spread(inside, outside), LayerNorm2d(4 * outside), nn.GELU(), nn.PixelShuffle(2))


def _convolution(inside: int, outside: int) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, kernel_size=3, padding=1)
