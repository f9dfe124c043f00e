"""The ash false colour and its parts, scaled by the bounds of the competition's own visualisation."""

from __future__ import annotations

import numpy as np

from zoo.inputs import INPUTS, Floats

# Kelvin.
SPLIT_WINDOW = (-4.0, 2.0)  # T15 - T14
CLOUD_TOP = (-4.0, 5.0)  # T14 - T11
CLOUD_TEMPERATURE = (243.0, 303.0)  # T14


@INPUTS.register("fc", bands=(11, 14, 15), channels=3, from_ash=True, scaled=None)
def false_colour(kelvin: Floats) -> Floats:
    """Ash false colour R, G, B in 0..1, clipped: what the labelers saw."""
    return np.clip(false_colour_unclipped(kelvin), 0, 1)


@INPUTS.register("fc_unclipped", bands=(11, 14, 15), channels=3, from_ash=False, scaled=None)
def false_colour_unclipped(kelvin: Floats) -> Floats:
    """Ash false colour on the same scale, with what lies beyond the bounds (place 1)."""
    t11, t14, t15 = (kelvin[..., band, :, :] for band in range(3))
    channels = (
        _scale(t15 - t14, SPLIT_WINDOW),
        _scale(t14 - t11, CLOUD_TOP),
        _scale(t14, CLOUD_TEMPERATURE),
    )
    return np.stack(channels, axis=-3)


@INPUTS.register("split_window", bands=(14, 15), channels=1, from_ash=True, scaled=None)
def split_window(kelvin: Floats) -> Floats:
    """T15 - T14 on the ash image's scale, clipped: one channel (variants of row 18)."""
    return np.clip(_scale(kelvin[..., 1:, :, :] - kelvin[..., :1, :, :], SPLIT_WINDOW), 0, 1)


def _scale(values: Floats, bounds: tuple[float, float]) -> Floats:
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    return (values - low) / (high - low)
