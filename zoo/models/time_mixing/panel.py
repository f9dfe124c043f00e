"""Panel (place 1): four frames laid out as one picture, mixed by the encoder's own reach, one quadrant decoded.

The labelled frame lies top left, the others follow from the earliest on: top right, bottom left, bottom right.
"""

import torch
from torch import Tensor

from zoo.models.time_mixing import TIME_MIXING, TimeMixing


@TIME_MIXING.register("panel", least=4, most=4, side=2)
class Panel(TimeMixing):
    """Four frames in one image of twice the side, mixed by the encoder's attention or wide convolutions."""

    def arrange(self, images: Tensor) -> Tensor:
        """(n, 4, channels, H, W) -> (n, channels, 2 H, 2 W)."""
        a, b, c, d = (images[:, i] for i in (self.frames.labelled, *self.frames.others))
        return torch.cat([torch.cat([a, b], dim=-1), torch.cat([c, d], dim=-1)], dim=-2)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [x[..., : x.shape[-2] // 2, : x.shape[-1] // 2] for x in features]
