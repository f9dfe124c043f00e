"""A record's whole mask is dropped if it has fewer than k pixels."""

import numpy as np
from numpy.typing import NDArray

from ensemble.active import Active
from ensemble.min_pixels import MIN_PIXELS, Mode


@MIN_PIXELS.register("image", rank=1, about="masks of records with at least k pixels")
class Image(Mode):
    """Min-pixels per record."""

    @staticmethod
    def sweep(
        active: Active, bins: NDArray[np.uint16], first: int, last: int, floor: int, changes: NDArray[np.int64]
    ) -> None:
        from ensemble.kernels import sweep_images

        sweep_images(bins, active.label, active.pointer, first, last, floor, changes)

    @staticmethod
    def count(
        active: Active, bins: NDArray[np.uint16], first: int, last: int, threshold: int, k: int, out: NDArray[np.int64]
    ) -> None:
        from ensemble.kernels import count_images

        count_images(bins, active.label, active.pointer, first, last, threshold, k, out)

    @staticmethod
    def drop(masks: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
        return masks & (masks.sum(axis=(1, 2), keepdims=True) >= k)
