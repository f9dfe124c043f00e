"""The log's U-Net decoder: transposed convolutions, skips, two convolutions a level.

Form 1 is the one before the log's refactor 2: a transposed convolution brings the features down to the level's
width, and the last upsampling is followed by one convolution. Form 2 has one convolution more there, and its
transposed convolutions keep their number of filters.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from zoo.geometry import resize
from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import logit_head

WIDTHS = (256, 128, 64, 32, 16)  # of the levels, coarsest first


class Up(nn.Module):
    """Double the side (`up`), join the skip, convolve (`mix`)."""

    def __init__(self, up: nn.Module, mix: nn.Module) -> None:
        super().__init__()
        self.up, self.mix = up, mix

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = self.up(x)
        mixed: Tensor = self.mix(x if skip is None else torch.cat([x, skip], dim=1))
        return mixed


class UNet(nn.Module):
    """Ronneberger et al. 2015 (arXiv 1505.04597) on a pretrained pyramid.

    make_up: (channels in, of the skip, out, whether it is the last one) -> a level.
    """

    def __init__(self, plan: Plan, make_up: Callable[[int, int, int, bool], Up]) -> None:
        super().__init__()
        skips = dict(zip(plan.strides, plan.channels))
        levels = _level_widths(plan)
        self.skips = [stride for stride, _ in levels]  # strides after each doubling
        self.stride = self.skips[-1]  # of its logits
        inside = plan.channels[-1]
        ups = []
        for stride, outside in levels:
            ups.append(make_up(inside, skips.get(stride, 0), outside, stride == self.skips[-1]))
            inside = outside
        self.ups = nn.ModuleList(ups)
        self.strides = plan.strides
        self.head = logit_head(inside, plan.heads)
        below = [width for _, width in levels[-2::-1]][: plan.coarser]  # finest first
        self.coarser = nn.ModuleList(logit_head(width, plan.heads) for width in below)

    def forward(self, features: list[Tensor]) -> Tensor:
        at = dict(zip(self.strides, features))
        maps = [features[-1]]
        for stride, up in zip(self.skips, self.ups):
            maps.append(up(maps[-1], at.get(stride)))
        logits: Tensor = self.head(maps[-1])
        if not (self.training and self.coarser):
            return logits
        taught = [resize(head(x), logits.shape[-1]) for head, x in zip(self.coarser, maps[-2::-1])]
        return torch.cat([logits, *taught], dim=1)


@DECODERS.register("unet", widths=WIDTHS, early=True, deep=True)
def unet(plan: Plan) -> nn.Module:
    """The log's U-Net; `plan.form` 1 or 2."""
    return UNet(plan, partial(_transposed, plan.form))


def _transposed(form: int, inside: int, skip: int, outside: int, last: bool) -> Up:
    between = inside if form == 2 else outside
    mixed = [between + skip] + [outside] * (1 if last and form == 1 else 2)
    return Up(
        nn.ConvTranspose2d(inside, between, kernel_size=2, stride=2),
        nn.Sequential(*(convolution(a, b) for a, b in pairwise(mixed))),
    )


def _level_widths(plan: Plan) -> list[tuple[int, int]]:
    """(stride, width) after each doubling, coarsest first, until the side is whole or the widths end.

    Widths are meant for five doublings: shallower pyramids leave out the first, deeper ones repeat it.
    """
    widths, doublings = plan.widths, plan.strides[-1].bit_length() - 1
    missing = doublings - len(WIDTHS)
    widths = (widths[0],) * missing + widths if missing > 0 else widths[-missing:]
    return [(1 << (doublings - 1 - level), width) for level, width in enumerate(widths)]


def convolution(inside: int, outside: int, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """3 x 3, BatchNorm, activation."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        activation(inplace=True),
    )
