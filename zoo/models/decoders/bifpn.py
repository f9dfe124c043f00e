"""BiFPN: levels fused both ways with learned weights, repeatedly (EfficientDet, arXiv 1911.09070).

As its section on segmentation has it: levels P2 to P7 (strides 4 to 128), P6 and P7 pooled from the encoder's last,
P2 alone goes to a head of three separable convolutions. The last repeat goes down only: what it would send up again
is not looked at.
"""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.geometry import resize
from zoo.members.keys import COUNT
from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import logit_head

LEVELS = 6
EPSILON = 1e-4  # equation of fast normalised fusion, section 3.3


class Fuse(nn.Module):
    """Fast normalised fusion: sum(w * x) / (epsilon + sum(w)), w >= 0; then swish and a separable convolution."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(inputs))
        self.mix = _separable(width, width)

    def forward(self, *maps: Tensor) -> Tensor:
        weights = self.weights.relu()
        total = sum(weight * x for weight, x in zip(weights, maps))
        mixed: Tensor = self.mix(F.silu(total / (EPSILON + weights.sum())))
        return mixed


class Layer(nn.Module):
    """Once down the levels and, where `back`, once up again."""

    def __init__(self, width: int, back: bool) -> None:
        super().__init__()
        self.down = nn.ModuleList(Fuse(2, width) for _ in range(LEVELS - 1))  # coarsest first
        # Every level but P2 hears from below; P7 has no node of the way down to add.
        inputs = [3] * (LEVELS - 2) + [2]
        self.up = nn.ModuleList(Fuse(n, width) for n in inputs) if back else None

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """levels: finest first; as many of the same shapes, or P2 alone."""
        middle = [levels[-1]]
        for fuse, level in zip(self.down, reversed(levels[:-1])):
            middle.insert(0, fuse(level, F.interpolate(middle[0], size=level.shape[-2:])))
        if self.up is None:
            return middle[:1]
        out = middle[:1]
        for number, fuse in enumerate(self.up, start=1):
            below = F.interpolate(_halve(out[-1]), size=levels[number].shape[-2:])
            own = (levels[number],) if number == LEVELS - 1 else (levels[number], middle[number])
            out.append(fuse(*own, below))
        return out


class BiFPN(nn.Module):
    """Lateral convolutions, the repeated layers, the head."""

    def __init__(self, plan: Plan, repeats: int) -> None:
        super().__init__()
        width, wide = plan.widths
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inside, width, kernel_size=1, bias=False), nn.BatchNorm2d(width))
            for inside in (*plan.channels[-4:], plan.channels[-1])
        )
        self.layers = nn.ModuleList(Layer(width, back=n < repeats - 1) for n in range(repeats))
        self.mix = nn.Sequential(
            *(nn.Sequential(_separable(inside, wide), nn.SiLU(inplace=True)) for inside in (width, wide, wide))
        )
        self.head = logit_head(wide, plan.heads)

    def forward(self, features: list[Tensor]) -> Tensor:
        given = features[-4:]
        levels = [lateral(x) for lateral, x in zip(self.lateral, (*given, given[-1]))]
        levels[4] = _halve(levels[4])
        levels.append(_halve(levels[4]))
        for layer in self.layers:
            levels = layer(levels)
        return resize(self.head(self.mix(levels[0])), given[0].shape[-1] * 4)


# Widths: of the levels; of the head.
@DECODERS.register("bifpn", widths=(128, 256), needs=(4, 8, 16, 32))
def bifpn(plan: Plan, *, repeats: Annotated[int, COUNT] = 3) -> nn.Module:
    """EfficientDet's BiFPN with its head for segmentation; levels are fused `repeats` times."""
    return BiFPN(plan, repeats)


def _halve(x: Tensor) -> Tensor:
    return F.max_pool2d(x, kernel_size=3, stride=2, padding=1)


def _separable(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, inside, kernel_size=3, padding=1, groups=inside, bias=False),
        nn.Conv2d(inside, outside, kernel_size=1, bias=False),
        nn.BatchNorm2d(outside),
    )
