"""Steps that several augmentations share: random draws, views of the square, affine warps, levels.

Numbers are drawn on the CPU, and moved to the device of the images.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from zoo.geometry import View, warp

WHOLE = (1, 3, 4)  # frames, rows, columns: one level for all frames of a scene


def uniform(low: float, high: float, shape: tuple[int, ...], generator: Generator, like: Tensor) -> Tensor:
    """Draw numbers between `low` and `high`, on the device of `like`."""
    return (low + (high - low) * torch.rand(shape, generator=generator)).to(like.device)


def others(n: int, count: int, generator: Generator) -> Tensor:
    """Draw `count` other scenes for each of n, (count, n) int64; no scene twice while the batch has enough."""
    ring = torch.randperm(n, generator=generator)
    found = torch.empty(count, n, dtype=torch.int64)
    for step in range(count):
        found[step, ring] = ring.roll(step + 1)
    return found


def boxes(height: Tensor, width: Tensor, generator: Generator, side: int) -> Tensor:
    """Mask of a box in each scene, bool (n, 1, side, side); its centre is drawn anywhere.

    height, width: (n,), shares of the side; a box is cut off at the edge.
    """
    centre = uniform(0, side, (2, len(height)), generator, height)
    at = torch.arange(side, device=height.device) + 0.5
    rows, columns = (
        (at - middle[:, None]).abs() < side * extent[:, None] / 2 for middle, extent in zip(centre, (height, width))
    )
    return rows[:, None, :, None] & columns[:, None, None, :]


def seen_in(
    views: Sequence[View], images: Tensor, labels: Tensor, offset: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Turn each scene into one of the views, drawn for it; bits are moved, none is interpolated."""
    chosen = [views[number] for number in torch.randint(len(views), (len(images),), generator=generator).tolist()]
    seen = torch.stack([view.apply(image) for view, image in zip(chosen, images)])
    marked = torch.stack([view.apply(label, offset) for view, label in zip(chosen, labels)])
    return seen, marked


def seen_through(matrices: Tensor, images: Tensor, labels: Tensor, offset: float) -> tuple[Tensor, Tensor]:
    """Warp all frames of a scene by its matrix, (n, 2, 3), and its label too, which becomes soft along its edges."""
    flat = warp(images.flatten(1, 2), matrices)
    return flat.unflatten(1, images.shape[1:3]), warp(labels, matrices, offset)


def with_levels(images: Tensor, contrast: Tensor, brightness: Tensor) -> Tensor:
    """x -> (x - mean) * contrast + mean + brightness * std, of each channel over all frames of its scene.

    contrast, brightness: (n, 1, 1 or channels, 1, 1). In units of a channel's own spread: inputs have many scales.
    """
    mean, std = images.mean(dim=WHOLE, keepdim=True), images.std(dim=WHOLE, keepdim=True)
    return (images - mean) * contrast + mean + brightness * std
