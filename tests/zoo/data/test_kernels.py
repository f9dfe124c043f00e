"""The compiled loops against numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.ash import CLOUD_TEMPERATURE, ash_image, scaled
from zoo.data.thumbnails import WIDTH, _block_sums


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_sums_over_blocks_have_the_bits_of_numpy(seed, frames):
    rng = np.random.default_rng(seed)
    t14 = rng.uniform(230, 310, (frames, 256, 256))
    differences = rng.uniform(-6, 6, (2, frames, 256, 256))
    kelvin = np.stack([t14 + differences[0], t14, t14 + differences[1]]).astype(np.float32)

    def sums(colours):
        blocks = colours.reshape(len(colours), frames, WIDTH, 16, 256).sum(3)
        return blocks.reshape(len(colours), frames, WIDTH, WIDTH, 16).sum(-1)

    assert np.array_equal(_block_sums(kelvin), sums(ash_image(kelvin)))
    assert np.array_equal(_block_sums(kelvin[1:2]), sums(np.clip(scaled(kelvin[1:2], CLOUD_TEMPERATURE), 0, 1)))
