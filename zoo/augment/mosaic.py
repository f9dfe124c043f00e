"""Mosaic: parts of four scenes in one."""

import torch
from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import others


@AUGMENTATIONS.register("mosaic", share=0.5, moves=True)
def mosaic(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Four rectangles that meet in the middle half, each a part of another scene at its own scale (arXiv 2004.10934).

    The first is of the scene itself.
    """
    n, side = len(images), images.shape[-1]
    sources = torch.cat([torch.arange(n)[None], others(n, 3, generator)]).T.tolist()
    centres = torch.randint(side // 4, side - side // 4 + 1, (n, 2), generator=generator).tolist()
    places = torch.rand(n, 4, 2, generator=generator).tolist()
    seen, marked = torch.empty_like(images), torch.empty_like(labels)
    for scene, (row, column) in enumerate(centres):
        parts = [(rows, columns) for rows in ((0, row), (row, side)) for columns in ((0, column), (column, side))]
        for source, spans, place in zip(sources[scene], parts, places[scene]):
            rows, columns = (slice(*span) for span in spans)
            down, right = (_part(span, side, share) for span, share in zip(spans, place))
            seen[scene][..., rows, columns] = images[source][..., down, right]
            marked[scene][..., rows, columns] = labels[source][..., down, right]
    return seen, marked


def _part(span: tuple[int, int], side: int, share: float) -> slice:
    """Slice as long as `span`, beginning at `share` of the room that is left."""
    length = span[1] - span[0]
    start = int(share * (side - length + 1))
    return slice(start, start + length)
