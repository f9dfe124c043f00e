"""8-connected components of fewer than k pixels are dropped."""

import numpy as np
from numpy.typing import NDArray

from ensemble.active import Active
from ensemble.min_pixels import MIN_PIXELS, Mode


@MIN_PIXELS.register("component", rank=2, about="8-connected components of at least k pixels")
class Component(Mode):
    """Min-pixels per connected component."""

    @staticmethod
    def sweep(
        active: Active, bins: NDArray[np.uint16], first: int, last: int, floor: int, changes: NDArray[np.int64]
    ) -> None:
        from ensemble.kernels import sweep_components

        sweep_components(bins, active.pixel, active.label, active.pointer, first, last, *active.shape, floor, changes)

    @staticmethod
    def count(
        active: Active, bins: NDArray[np.uint16], first: int, last: int, threshold: int, k: int, out: NDArray[np.int64]
    ) -> None:
        from ensemble.kernels import count_components

        at = (active.pointer, first, last)
        count_components(bins, active.pixel, active.label, *at, *active.shape, threshold, k, out)

    @staticmethod
    def drop(masks: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
        return masks if k <= 1 or not len(masks) else np.stack([_without_small(mask, k) for mask in masks])


def _without_small(mask: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    from scipy.ndimage import label

    marks = np.asarray(label(mask, np.ones((3, 3)))[0])
    sizes = np.bincount(marks.ravel())
    sizes[0] = 0
    return np.asarray(sizes[marks] >= k)
