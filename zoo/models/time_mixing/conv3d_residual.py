"""Residual 3-D convolutions over all frames at every level, read at the labelled one (place 6).

A block is x + two convolutions of kernel (3, 3, 3), padded in time and space, with BatchNorm; there are as many as
bring the farthest frame to the labelled one. A kernel three frames deep is a 2-D one over the joined channels of a
frame and its two neighbours, and is written so: the network is kept in channels_last, which knows no fifth axis.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.models.time_mixing import TIME_MIXING, Frames, TimeMixing

REACH = 2  # frames that a block sees to each side


class Triples(nn.Module):
    """Convolution over each frame and its neighbours, zero beyond the ends: (n, frames, c, h, w) -> the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3 * width, width, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
        triples = torch.cat([padded[:, :-2], x, padded[:, 2:]], dim=2)
        mixed: Tensor = self.norm(self.convolution(triples.flatten(0, 1)))
        return mixed.unflatten(0, x.shape[:2])


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Triples(width), Triples(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(F.relu(self.first(x))))


@TIME_MIXING.register("conv3d_residual", least=2)
class ResidualConv3d(TimeMixing):
    """Residual blocks at every level, over the frames in order of time."""

    order: Tensor

    def __init__(self, frames: Frames) -> None:
        super().__init__(frames)
        in_time = sorted(range(len(frames.numbers)), key=frames.numbers.__getitem__)
        self.at = in_time.index(frames.labelled)
        blocks = -(-max(self.at, len(in_time) - 1 - self.at) // REACH)
        self.levels = nn.ModuleList(
            nn.Sequential(*(Residual(width) for _ in range(blocks))) for width in frames.channels
        )
        self.register_buffer("order", torch.tensor(in_time), persistent=False)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [level(self.apart(x)[:, self.order])[:, self.at] for level, x in zip(self.levels, features)]
