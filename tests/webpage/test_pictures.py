"""Pictures as data URIs, read back."""

import base64
import io

import numpy as np
from PIL import Image

from webpage.pictures import outline, photo, shade, stencil

RED = (1.0, 0.0, 0.0)


def read(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_stencil_is_exact(rng):
    mask = rng.random((40, 30)) < 0.3
    picture = read(stencil(mask, RED))
    assert (picture[..., 3] == 255 * mask).all()
    assert (picture[mask] == (255, 0, 0, 255)).all()


def test_an_outline_has_the_pixels_with_a_neighbour_outside(rng):
    mask = np.kron(rng.random((8, 8)) < 0.5, np.ones((4, 4))).astype(bool)
    found = read(outline(mask, RED))[..., 3] > 0
    for row, column in np.ndindex(mask.shape):
        near = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        inside = all(0 <= r < 32 and 0 <= c < 32 and mask[r, c] for r, c in near)
        assert found[row, column] == (mask[row, column] and not inside)


def test_a_shade_is_as_opaque_as_the_value_in_sixteen_steps():
    values = np.linspace(-0.2, 1.2, 60, dtype=np.float32).reshape(6, 10)
    alpha = read(shade(values, RED))[..., 3] / 255
    assert np.abs(alpha - np.clip(values, 0, 1)).max() <= 0.5 / 15 + 1e-3
    assert len(np.unique(alpha)) == 16


def test_a_photo_is_near_the_picture_and_small():
    y, x = np.mgrid[:256, :256] / 255
    picture = np.stack([x, y, 1 - x], -1).astype(np.float32)
    uri = photo(picture)
    assert np.abs(read(uri)[..., :3] / 255 - picture).mean() < 0.02
    assert len(uri) < 8000
