"""Agreement in Hough space: sums along straight lines."""

from functools import lru_cache
from math import ceil, cos, hypot, pi, sin
from typing import Annotated

import torch
from torch import Tensor

from zoo.losses import LOSSES
from zoo.losses.dice import SMOOTH
from zoo.members.keys import COUNT


@LOSSES.register("hough", pixelwise=False, alone=False)
def hough(logits: Tensor, target: Tensor, *, angles: Annotated[int, COUNT] = 24) -> Tensor:
    """One minus soft Dice of squared sums along lines, over the whole batch (the idea: SR loss, arXiv 2307.12032).

    Squares make a long straight contrail outweigh as many scattered pixels. Where along its line a pixel lies does not
    count.
    """
    seen, wanted = (line_sums(maps, angles).square() / angles for maps in (logits.sigmoid(), target))
    both = torch.minimum(seen, wanted).sum()
    return 1 - (2 * both + SMOOTH) / (seen.sum() + wanted.sum() + SMOOTH)


def line_sums(maps: Tensor, angles: int) -> Tensor:
    """Sums of maps (n, 1, H, W) along all lines a pixel wide at so many angles from 0 to 180 degrees: (lines, n).

    A pixel counts on the line that passes nearest to its centre.
    """
    pixels = maps.flatten(1).T.contiguous()
    lines, bins = _lines(maps.shape[-2], maps.shape[-1], angles, maps.device)
    sums = [pixels.new_zeros(bins, pixels.shape[1]).index_add(0, line, pixels) for line in lines]
    return torch.cat(sums)


@lru_cache(maxsize=8)
def _lines(height: int, width: int, angles: int, device: torch.device) -> tuple[Tensor, int]:
    """Number of the line through each pixel, int64 (angles, pixels), and how many lines there are at each angle."""
    rows, columns = torch.meshgrid(*(torch.arange(side) - (side - 1) / 2 for side in (height, width)), indexing="ij")
    reach = ceil(hypot(height, width) / 2)
    turns = [pi * number / angles for number in range(angles)]
    distances = torch.stack([(columns * cos(turn) + rows * sin(turn)).flatten() for turn in turns])
    return (distances.round().long() + reach).to(device), 2 * reach + 1
