"""Ash false colour, what the labelers saw: the formula, its inverse and its bounds, in one place.

Red is T15 - T14, green T14 - T11, blue T14, each scaled to 0..1 by the bounds of the competition's own visualisation.
The formula takes arrays and tensors alike: it uses nothing but arithmetic.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = Any  # kelvin or colour, float32 (..., H, W): an array or a tensor
Planes = tuple[Plane, Plane, Plane]

ASH_BANDS = (11, 14, 15)
# Kelvin at 0 and at 1.
SPLIT_WINDOW = (-4.0, 2.0)  # T15 - T14
CLOUD_TOP = (-4.0, 5.0)  # T14 - T11
CLOUD_TEMPERATURE = (243.0, 303.0)  # T14


def ash_colours(t11: Plane, t14: Plane, t15: Plane) -> Planes:
    """Red, green and blue of brightness temperatures in kelvin; 0..1 within the bounds, not clipped."""
    return scaled(t15 - t14, SPLIT_WINDOW), scaled(t14 - t11, CLOUD_TOP), scaled(t14, CLOUD_TEMPERATURE)


def ash_to_kelvin(red: Plane, green: Plane, blue: Plane) -> Planes:
    """T11, T14 and T15 in kelvin of ash colours: the inverse of `ash_colours`, exact if no colour is clipped."""
    t14 = _unscaled(blue, CLOUD_TEMPERATURE)
    return t14 - _unscaled(green, CLOUD_TOP), t14, t14 + _unscaled(red, SPLIT_WINDOW)


def ash_image(kelvin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Clipped ash colours, (3, ...), of kelvins in the order of `ASH_BANDS`, (3, ...)."""
    return np.clip(np.stack(ash_colours(*kelvin)), 0, 1)


def scaled(values: Plane, bounds: tuple[float, float]) -> Plane:
    """Values on the scale where the bounds are 0 and 1."""
    low, high = bounds
    return (values - low) / (high - low)


def _unscaled(values: Plane, bounds: tuple[float, float]) -> Plane:
    low, high = bounds
    return low + (high - low) * values
