"""Random fields with the spectra of clouds and surfaces, and how they move and blur.

All fields are float32, periodic on a canvas somewhat larger than a scene, of zero mean and unit variance.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from zoo.data.records import SIZE

Field = NDArray[np.float32]

CANVAS = 300  # a fast length for the FFT; the margin keeps opposite edges of a scene from matching
PSF = 0.72  # px: sensor and bilinear reprojection; fits the fall-off of real T14 spectra beyond 0.1 per px


def power_law(
    rng: np.random.Generator,
    slope: float,
    stretch: float = 1.0,
    angle: float = 0.0,
    smallest: float = 0.0,
    largest: float = CANVAS,
) -> tuple[Field, Field]:
    """Two independent fields (CANVAS, CANVAS) whose power falls as frequency ** -slope.

    stretch: how much longer structures are along `angle` (radians, x to the right, y down) than across.
    smallest, largest: wavelengths in px beyond which there is little power.
    """
    fy, fx = _frequencies()
    along = np.cos(angle) * fx + np.sin(angle) * fy
    across = np.cos(angle) * fy - np.sin(angle) * fx
    squared = along**2 * np.float32(stretch) + across**2 / np.float32(stretch)
    # By logarithm and exponential, which run on whole vectors; a power does not.
    power = np.float32(-slope / 4) * np.log(squared + np.float32(1.0 / largest**2))
    amplitude = np.exp(power - squared * np.float32(smallest**2 / 2))
    amplitude[0, 0] = 0
    noise = rng.standard_normal((CANVAS, CANVAS, 2), dtype=np.float32)
    both = fft.ifft2(amplitude * noise.view(np.complex64)[..., 0], overwrite_x=True)
    return _normal(both.real), _normal(both.imag)


def fronts(field: Field, along: Field, pixels: float) -> Field:
    """`field` with its coordinates displaced by the gradient-like field `along`: filaments and hooks."""
    y, x = np.indices(field.shape, dtype=np.float32)
    moved = (y + pixels * along, x + pixels * np.roll(along, CANVAS // 3, axis=1))
    warped: Field = ndimage.map_coordinates(field, moved, order=1, mode="grid-wrap", output=np.float32)
    return warped


def window(field: Field, dy: float = 0.0, dx: float = 0.0) -> Field:
    """Scene (SIZE, SIZE) of a periodic canvas after it moved by (dy, dx) px, down and right."""
    top, left = int(np.floor(-dy)), int(np.floor(-dx))
    block = np.roll(field, (1 - top, 1 - left), axis=(0, 1))[: SIZE + 3, : SIZE + 3]
    wy, wx = _cubic(-dy - top), _cubic(-dx - left)
    lines = _weighted([block[k : k + SIZE] for k in range(4)], wy)
    return _weighted([lines[:, k : k + SIZE] for k in range(4)], wx)


def blur(image: Field, sigma: float = PSF) -> Field:
    """Gaussian blur of a scene."""
    result: Field = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=3.0)
    return result


def step(field: Field, cover: float, softness: float) -> Field:
    """A cover between 0 and 1 where `field` is high: about the share `cover`, edges as wide as `softness`."""
    level = np.float32(np.quantile(field[::4, ::4], 1 - cover))
    return logistic((field - level) / np.float32(softness))


def logistic(x: Field) -> Field:
    """1 / (1 + exp(-x)), without overflow."""
    return np.float32(1) / (np.float32(1) + np.exp(np.clip(-x, -30, 30)))


def normal_line(rng: np.random.Generator, length: int, scale: float) -> Field:
    """A smooth random line (length,) of unit variance, correlated over `scale` samples."""
    noise = rng.standard_normal(length + 8 * int(scale) + 8, dtype=np.float32)
    smooth = ndimage.gaussian_filter1d(noise, scale, mode="wrap")[:length]
    # The variance of smoothed white noise is known; normalising by the sample would flatten short lines.
    result: Field = smooth * np.float32(np.sqrt(2 * np.sqrt(np.pi) * max(scale, 0.3)))
    return result


@cache
def _frequencies() -> tuple[Field, Field]:
    f = np.fft.fftfreq(CANVAS).astype(np.float32)
    return f[:, None], f[None, :]


def _normal(field: Field) -> Field:
    return np.ascontiguousarray(field / np.float32(field.std()), dtype=np.float32)


def _weighted(images: Sequence[Field], weights: Sequence[np.float32]) -> Field:
    total = images[0] * weights[0]
    for image, weight in zip(images[1:], weights[1:]):
        total += image * weight
    return total


def _cubic(t: float) -> Sequence[np.float32]:
    """Catmull-Rom weights of the four samples around a point at fraction `t`."""
    weights = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    return [np.float32(weight) for weight in weights]
