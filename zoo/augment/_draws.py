"""What several augmentations draw: numbers for every scene, other scenes, boxes."""

import torch
from torch import Generator, Tensor


def uniform(low: float, high: float, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
    """Numbers between `low` and `high`, on the device of `like`."""
    return (low + (high - low) * torch.rand(shape, generator=generator)).to(like.device)


def others(n: int, count: int, generator: Generator) -> Tensor:
    """For each of n scenes `count` others, (count, n) int64; no scene twice while the batch has enough."""
    ring = torch.randperm(n, generator=generator)
    found = torch.empty(count, n, dtype=torch.int64)
    for step in range(count):
        found[step, ring] = ring.roll(step + 1)
    return found


def boxes(height: Tensor, width: Tensor, generator: Generator, side: int) -> Tensor:
    """Which pixels lie in a box of each scene, bool (n, 1, side, side); its centre lies anywhere.

    height, width: (n,), shares of the side; what reaches over the edge is cut off.
    """
    centre = uniform(0, side, (2, len(height)), generator, height)
    at = torch.arange(side, device=height.device) + 0.5
    rows, columns = (
        (at - middle[:, None]).abs() < side * extent[:, None] / 2 for middle, extent in zip(centre, (height, width))
    )
    return rows[:, None, :, None] & columns[:, None, None, :]
