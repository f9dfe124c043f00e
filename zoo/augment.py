"""Augmentation: batches of images and labels, changed together on the device.

In: images (n, frames, channels, 256, 256), labels (n, 1, 256, 256) on the delivered grid, a generator. Every
frame of a scene sees the same view.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from zoo.registration import VIEWS


def augment(images: Tensor, labels: Tensor, kind: str, registered: bool, generator: Generator) -> tuple[Tensor, Tensor]:
    """Each scene in a view of its own, drawn from `kind` (none, flips, d4).

    registered: keep the label's half-pixel offset; otherwise it is mirrored as it is, as the log's rows did.
    """
    views = VIEWS[kind]
    if len(views) == 1:
        return images, labels
    drawn = torch.randint(len(views), (len(images),), generator=generator).tolist()
    chosen = [views[number] for number in drawn]
    seen = torch.stack([view.apply(image) for view, image in zip(chosen, images)])
    marked = [view.apply_label(label) if registered else view.apply(label) for view, label in zip(chosen, labels)]
    return seen, torch.stack(marked)


def crop(images: Tensor, labels: Tensor, side: int, on_contrails: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """A square of `side` pixels of each scene; `side` 0 leaves the scenes whole.

    Contrails cover half a percent of the pixels: a share `on_contrails` of the squares of scenes that have any
    is laid around one of their pixels, the others anywhere.
    """
    if not side:
        return images, labels
    corners = [_corner(label[0], side, on_contrails, generator) for label in labels]
    squares = [(..., slice(row, row + side), slice(column, column + side)) for row, column in corners]
    return (
        torch.stack([image[square] for image, square in zip(images, squares)]),
        torch.stack([label[square] for label, square in zip(labels, squares)]),
    )


def jitter(images: Tensor, amount: float, generator: Generator) -> Tensor:
    """Contrast and brightness of each scene's channels, drawn anew: x -> (x - mean) * a + mean + b.

    a is drawn from 1 - amount to 1 + amount, b from -amount / 2 to amount / 2, alike for all frames of a scene.
    Absolute values do not separate contrails, local contrast does; amount 0 changes nothing.
    """
    if not amount:
        return images
    n, _, channels = images.shape[:3]
    drawn = torch.rand(2, n, 1, channels, 1, 1, generator=generator) * 2 - 1
    mean = images.mean(dim=(-1, -2), keepdim=True)
    return (images - mean) * (1 + amount * drawn[0]) + mean + amount / 2 * drawn[1]


def _corner(label: Tensor, side: int, on_contrails: float, generator: Generator) -> tuple[int, int]:
    room = label.shape[-1] - side
    marked = label.nonzero() if torch.rand((), generator=generator) < on_contrails else label.new_empty(0, 2)
    if not len(marked):
        row, column = torch.randint(room + 1, (2,), generator=generator).tolist()
        return row, column
    pixel = marked[int(torch.randint(len(marked), (), generator=generator))]
    # The pixel lies anywhere in the square, not always at its centre.
    offset = torch.randint(side, (2,), generator=generator)
    row, column = (pixel - offset).clamp(0, room).int().tolist()
    return row, column
