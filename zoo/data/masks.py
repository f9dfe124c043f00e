"""Masks: zeros and ones of a file as booleans, and the majority of several labelers."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.arrays import FileFault


def as_mask(values: NDArray[Any], shape: tuple[int, ...], path: Path) -> NDArray[np.bool_]:
    """Zeros and ones as booleans; FileFault if there is anything else, or another shape."""
    if values.shape != shape or values.dtype.kind not in "biu":
        raise FileFault(path, f"holds {values.dtype} {values.shape}, not int32 {shape}")
    low, high = values.min(), values.max()
    if low < 0 or high > 1:
        raise FileFault(path, f"holds values from {low} to {high}, a mask only 0 and 1")
    return values == 1


def majority(labelers: NDArray[np.bool_], axis: int = 0) -> NDArray[np.bool_]:
    """Pixels that more than half of the labelers marked; a tie is not enough.

    labelers: one mask for each labeler along `axis`, such as (R, H, W); returns the shape without that axis.
    """
    return np.asarray(2 * labelers.sum(axis) > labelers.shape[axis])
