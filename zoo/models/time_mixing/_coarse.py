"""Mixing of the coarse levels alone (place 2): finer maps, at strides below 16, take the labelled frame.

Clouds move further between frames than the fine levels see.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zoo.models.time_mixing import Frames, TimeMixing

FROM_STRIDE = 16


class Coarse(TimeMixing):
    """make_level(width): (n, frames, c, h, w), the labelled frame last, -> (n, c, h, w)."""

    order: Tensor

    def __init__(self, frames: Frames, make_level: Callable[[int], nn.Module]) -> None:
        super().__init__(frames)
        self.first = next((i for i, stride in enumerate(frames.strides) if stride >= FROM_STRIDE), len(frames.strides))
        self.levels = nn.ModuleList(make_level(width) for width in frames.channels[self.first :])
        self.register_buffer("order", torch.tensor([*frames.others, frames.labelled]), persistent=False)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        fine = [self.apart(x)[:, self.frames.labelled] for x in features[: self.first]]
        coarse = [level(self.apart(x)[:, self.order]) for level, x in zip(self.levels, features[self.first :])]
        return fine + coarse
