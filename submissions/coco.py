"""Run lengths of COCO: what most detection and segmentation tools read.

In: masks. Out: COCO's uncompressed RLE, which `pycocotools.mask.frPyObjects` takes. Stays outside: files, categories.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from submissions.rle import as_mask


class CocoRle(TypedDict):
    """`size`: [height, width]. `counts`: pixels of each run down the columns, background first."""

    size: list[int]
    counts: list[int]


def encode_coco(mask: ArrayLike) -> CocoRle:
    """COCO run lengths of a mask, (H, W) bool or 0 and 1; UserError for another dimension or other values.

    >>> encode_coco([[0, 1], [1, 1]])
    {'size': [2, 2], 'counts': [1, 3]}
    """
    array = as_mask(mask)
    pixels = array.ravel(order="F")
    edges = np.flatnonzero(np.diff(pixels, prepend=False))
    counts = np.diff(edges, prepend=0, append=len(pixels))
    return {"size": [*array.shape], "counts": counts.tolist()}
