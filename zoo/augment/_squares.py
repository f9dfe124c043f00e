"""Random crops, placed on contrails more often than by chance."""

import torch
from torch import Generator, Tensor


def crop(images: Tensor, labels: Tensor, side: int, on_contrails: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Crop a square of `side` pixels from each scene; `side` 0 leaves the scenes whole.

    Contrails cover half a percent of the pixels: in scenes that have any, a share `on_contrails` of the squares is laid
    around one of their pixels, the others anywhere.
    """
    if not side:
        return images, labels
    corners = [_corner(label[0], side, on_contrails, generator) for label in labels]
    squares = [(..., slice(row, row + side), slice(column, column + side)) for row, column in corners]
    return (
        torch.stack([image[square] for image, square in zip(images, squares)]),
        torch.stack([label[square] for label, square in zip(labels, squares)]),
    )


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
