"""Views of the square, one drawn for every scene."""

import torch
from torch import Generator, Tensor

from zoo.geometry import VIEWS


def seen_from(kind: str, images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Each scene in a view of `kind`; bits are moved, none is interpolated."""
    views = VIEWS[kind]
    chosen = [views[number] for number in torch.randint(len(views), (len(images),), generator=generator).tolist()]
    seen = torch.stack([view.apply(image) for view, image in zip(chosen, images)])
    marked = torch.stack([view.apply_label(label, offset) for view, label in zip(chosen, labels)])
    return seen, marked
