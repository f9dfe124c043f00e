"""Transformer (place 2's second): at strides 16 and 32 over all positions of all frames, read at the labelled one.

`layers` of timm's pre-norm blocks a level; a position is told by sines (Vaswani et al. 2017, in two axes), a frame by a
learned vector.
"""

from functools import partial
from typing import Annotated

import torch
from torch import Tensor, nn

from zoo.members.keys import COUNT
from zoo.models.time_mixing import TIME_MIXING, Frames, TimeMixing
from zoo.models.time_mixing._coarse import Coarse

WIDER = 2.0  # inside the blocks' perceptrons


class Attention(nn.Module):
    """Every position of every frame attends to every other; eight heads, or as many as divide the width."""

    def __init__(self, width: int, frames: int, layers: int) -> None:
        super().__init__()
        from timm.models.vision_transformer import Block

        heads = next(count for count in (8, 4, 2, 1) if width % count == 0)
        self.blocks = nn.Sequential(*(Block(width, heads, mlp_ratio=WIDER, qkv_bias=True) for _ in range(layers)))
        self.frame = nn.Parameter(torch.empty(frames, 1, width))
        nn.init.trunc_normal_(self.frame, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        from timm.layers import build_sincos2d_pos_embed

        h, w = x.shape[-2:]
        place = build_sincos2d_pos_embed([h, w], dim=x.shape[2], device=x.device).to(x.dtype)
        tokens = x.flatten(3).transpose(2, 3) + place + self.frame  # (n, frames, h * w, c)
        mixed: Tensor = self.blocks(tokens.flatten(1, 2))[:, -h * w :]
        return mixed.transpose(1, 2).unflatten(2, (h, w)).contiguous()


@TIME_MIXING.register("transformer", least=2)
def transformer(frames: Frames, *, layers: Annotated[int, COUNT] = 2) -> TimeMixing:
    """Make a transformer of `layers` blocks for each coarse level."""
    return Coarse(frames, partial(Attention, frames=len(frames.numbers), layers=layers))
