"""Geometry of labels and maps: the offset of the labels, resizing, warping, the eight views of the square, their undos.

Labels may lie off what they mark by an offset of their source, the same in both axes (zoo.data.label_offset). A
mirrored label lies off to the other side, so a view that flips an axis moves its label along that axis by twice the
offset, a whole number of pixels: without interpolation, the network sees one convention only. A predicted map is moved
back in the same way. Transposing keeps the offset.

Tensors are (..., H, W). Stays outside: which views a recipe or a prediction uses.
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.views import ALIASES

ROWS, COLUMNS = -2, -1


@dataclass(frozen=True)
class View:
    """One of the eight views: transposed first, then flipped up-down (vflip), then left-right (hflip)."""

    transpose: bool = False
    vflip: bool = False
    hflip: bool = False

    def apply(self, maps: Tensor, offset: float = 0.0) -> Tensor:
        """Image (..., H, W) in this view; labels keep their `offset` in pixels, down and right."""
        return self._flip(maps.transpose(ROWS, COLUMNS) if self.transpose else maps, offset)

    def undo(self, maps: Tensor, offset: float = 0.0) -> Tensor:
        """Inverse of `apply`: maps in this view, of labels at `offset`, on the grid of the labels."""
        home = self._flip(maps, offset)
        return home.transpose(ROWS, COLUMNS) if self.transpose else home

    def _flip(self, maps: Tensor, offset: float) -> Tensor:
        axes = (ROWS,) * self.vflip + (COLUMNS,) * self.hflip
        maps = maps.flip(axes) if axes else maps
        pixels = round(2 * offset)
        for axis in axes if pixels else ():
            # Content moves to indices higher by `pixels`; the edge repeats.
            size = maps.shape[axis]
            source = (torch.arange(size, device=maps.device) - pixels).clamp(0, size - 1)
            maps = maps.index_select(axis, source)
        return maps


# Views of each set that has a short name, the last step's changing first.
VIEWS = {
    alias: tuple(View(**dict(zip(steps, on))) for on in product((False, True), repeat=len(steps)))
    for alias, steps in ALIASES.items()
}
# Rotations by 0, 90, 180 and 270 degrees, counter-clockwise.
QUARTER_TURNS = (
    View(),
    View(transpose=True, vflip=True),
    View(vflip=True, hflip=True),
    View(transpose=True, hflip=True),
)


def resize(maps: Tensor, size: int, mode: str = "bilinear") -> Tensor:
    """Resize, (n, c, H, W) -> (n, c, size, size); pixel centres stay in place (align_corners=False).

    mode: bilinear, or bicubic, whose values may lie beyond those of its neighbours.
    """
    if maps.shape[-1] == size:
        return maps
    shrinks = maps.shape[-1] > size
    return F.interpolate(maps, (size, size), mode=mode, align_corners=False, antialias=shrinks)


def warp(maps: Tensor, matrices: Tensor, offset: float = 0.0) -> Tensor:
    """Warp maps (n, c, H, W) by affine matrices (n, 2, 3), from a pixel of the result to one of the map; bilinear.

    Positions are (x, y) from -1 to 1 between the square's edges, beyond which the map is mirrored. Maps that lie
    `offset` pixels further down and right than their images still do so in the result.
    """
    by = 2 * offset / maps.shape[-1]
    turn, shift = matrices[..., :2], matrices[..., 2:]
    home = torch.cat([turn, shift - turn.sum(dim=-1, keepdim=True) * by], dim=-1)
    at = F.affine_grid(home, list(maps.shape), align_corners=False)
    inside = 1 - (2 - (at + 1).remainder(4)).abs()
    return F.grid_sample(maps, inside + by, mode="bilinear", padding_mode="border", align_corners=False)


def align(maps: Tensor, size: int, offset: float) -> Tensor:
    """Maps (n, c, H, W) that lie `offset` pixels too far down and right, moved back: (n, c, size, size); bilinear.

    The edge repeats. Labels become those of the image's own grid (place 1's symmetric target).
    """
    if not offset:
        return resize(maps, size)
    by = 2 * offset / maps.shape[-1]
    shift = torch.tensor([[1.0, 0.0, by], [0.0, 1.0, by]], device=maps.device).expand(len(maps), 2, 3)
    at = F.affine_grid(shift, [*maps.shape[:2], size, size], align_corners=False)
    return F.grid_sample(maps, at, mode="bilinear", padding_mode="border", align_corners=False)
