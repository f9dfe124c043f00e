"""Soft skeletons of maps by minima and maxima of neighbours (Shit et al. 2021, arXiv 2003.07311, algorithm 1)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def soft_skeleton(maps: Tensor, iterations: int) -> Tensor:
    """Middle lines of maps in 0..1, (n, c, H, W), with a gradient; of a mask, a mask.

    Each iteration removes a pixel from both sides: shapes wider than 2 `iterations` + 2 pixels have none.
    """
    skeleton = _ridge(maps)
    for _ in range(iterations):
        maps = _erode(maps)
        skeleton = skeleton + _ridge(maps) * (1 - skeleton)
    return skeleton


def dilate(maps: Tensor) -> Tensor:
    """Maximum of each pixel and its eight neighbours."""
    return F.max_pool2d(maps, kernel_size=3, stride=1, padding=1)


def _erode(maps: Tensor) -> Tensor:
    """Minimum of each pixel and its four neighbours; beyond the edge there are none."""
    rows, columns = (-F.max_pool2d(-maps, size, 1, pad) for size, pad in (((3, 1), (1, 0)), ((1, 3), (0, 1))))
    return torch.minimum(rows, columns)


def _ridge(maps: Tensor) -> Tensor:
    """What opening removes."""
    return F.relu(maps - dilate(_erode(maps)))
