"""Pictures as data URIs: lossy WebP for scenes, lossless WebP with transparency for what lies over them.

In: arrays. Out: text. Pillow is imported when a picture is made.
"""

import base64
import io

import numpy as np
from numpy.typing import NDArray

QUALITY = 70  # of a lossy picture: about 6 kB for 256 x 256
STEPS = 16  # opacities of a shade: more take more bytes than they show

Colour = tuple[float, float, float]


def photo(picture: NDArray[np.float32]) -> str:
    """Picture (H, W, 3) in 0..1, lossy."""
    return _uri(np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8), lossless=False)


def stencil(mask: NDArray[np.bool_], colour: Colour) -> str:
    """Mask (H, W) in one colour, all else transparent."""
    return shade(mask.astype(np.float32), colour)


def outline(mask: NDArray[np.bool_], colour: Colour) -> str:
    """Border pixels of a mask (H, W) in one colour: those with a neighbour, above, below or beside, outside it."""
    inside = np.pad(mask, 1)
    inner = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return stencil(mask & ~inner, colour)


def shade(opacity: NDArray[np.float32], colour: Colour) -> str:
    """One colour in an opacity (H, W) in 0..1, rounded to a few steps."""
    alpha = np.round(np.clip(opacity, 0, 1) * (STEPS - 1)) / (STEPS - 1)
    picture = np.zeros((*opacity.shape, 4), np.uint8)
    picture[..., :3] = [round(255 * part) for part in colour]
    picture[..., 3] = np.round(255 * alpha)
    picture[alpha == 0] = 0
    return _uri(picture, lossless=True)


def _uri(picture: NDArray[np.uint8], lossless: bool) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "webp", lossless=lossless, quality=100 if lossless else QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
