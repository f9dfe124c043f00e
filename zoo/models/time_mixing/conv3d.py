"""3-D convolutions (place 3): at every level, over pairs of frames until one frame is left.

Each block is a convolution of kernel (2, 3, 3) without padding in time, BatchNorm and leaky ReLU: three frames become
two, then one. A kernel two frames deep is a 2-D one over the joined channels of each pair, and is written so: the
network is kept in channels_last, which knows no fifth axis.
"""

import torch
from torch import Tensor, nn

from zoo.models.time_mixing import TIME_MIXING, Frames, TimeMixing


class Pairs(nn.Module):
    """(n, frames, c, h, w) -> (n, frames - 1, c, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2 * width, width, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        pairs = torch.cat([x[:, :-1], x[:, 1:]], dim=2)
        mixed = nn.functional.leaky_relu(self.norm(self.convolution(pairs.flatten(0, 1))), 0.01)
        return mixed.unflatten(0, pairs.shape[:2])


@TIME_MIXING.register("conv3d", least=2)
class Conv3d(TimeMixing):
    """One block for each other frame, at every level."""

    def __init__(self, frames: Frames) -> None:
        super().__init__(frames)
        blocks = len(frames.numbers) - 1
        self.levels = nn.ModuleList(nn.Sequential(*(Pairs(width) for _ in range(blocks))) for width in frames.channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [level(self.apart(x))[:, 0] for level, x in zip(self.levels, features)]
