"""Ridge filter: how strong a dark line is at each pixel, from the curvature of the smoothed plane.

It takes arrays and tensors alike: it uses nothing but arithmetic, slices and indices. Kernels and borders are those of
`scipy.ndimage.gaussian_filter` with mode "nearest".
"""

from collections.abc import Sequence
from functools import cache
from math import exp
from typing import Any

Plane = Any  # float32 (..., H, W): an array or a tensor
Kernel = tuple[float, ...]
REACH = 4.0  # of a kernel, in sigmas


def ridge(plane: Plane, sigma: float) -> Plane:
    """Strength of a dark line of width `sigma` pixels at each pixel: the greater curvature of the smoothed plane.

    In the units of `plane`, negative on a bright line: sigma^2 times the greater eigenvalue of the second derivatives.
    """
    mean, slope, bend = _kernels(sigma)
    means, slopes, bends = _filter(plane, (mean, slope, bend), along_rows=True)
    (columns,), (mixed,), (rows,) = (
        _filter(part, (kernel,), along_rows=False) for part, kernel in ((bends, mean), (slopes, slope), (means, bend))
    )
    return sigma**2 * ((rows + columns) / 2 + (((rows - columns) / 2) ** 2 + mixed**2) ** 0.5)


@cache
def _kernels(sigma: float) -> tuple[Kernel, Kernel, Kernel]:
    """Gaussian of mass 1, and its first and second derivatives, at whole pixels."""
    reach = int(REACH * sigma + 0.5)
    at = range(-reach, reach + 1)
    weights = [exp(-0.5 * (x / sigma) ** 2) for x in at]
    mean = tuple(weight / sum(weights) for weight in weights)
    slope = tuple(-x / sigma**2 * weight for x, weight in zip(at, mean))
    bend = tuple((x**2 / sigma**4 - 1 / sigma**2) * weight for x, weight in zip(at, mean))
    return mean, slope, bend


def _filter(plane: Plane, kernels: Sequence[Kernel], along_rows: bool) -> list[Plane]:
    """Correlate each row, or each column, with every kernel; what lies beyond the border is its nearest pixel."""
    reach = len(kernels[0]) // 2
    size = plane.shape[-1 if along_rows else -2]
    inside = [min(max(i, 0), size - 1) for i in range(-reach, size + reach)]
    padded = plane[..., inside] if along_rows else plane[..., inside, :]
    starts = range(2 * reach + 1)
    parts = [padded[..., i : i + size] if along_rows else padded[..., i : i + size, :] for i in starts]
    return [sum(weight * part for weight, part in zip(kernel, parts)) for kernel in kernels]
