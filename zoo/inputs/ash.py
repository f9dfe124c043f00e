"""The ash false colour and its parts, scaled by the bounds of the competition's own visualisation."""

from zoo.inputs import INPUTS, Channels, Plane

# Kelvin.
SPLIT_WINDOW = (-4.0, 2.0)  # T15 - T14
CLOUD_TOP = (-4.0, 5.0)  # T14 - T11
CLOUD_TEMPERATURE = (243.0, 303.0)  # T14


@INPUTS.register("fc", bands=(11, 14, 15), channels=3, from_ash=True, scaled=None)
def false_colour(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Ash false colour R, G, B in 0..1, clipped: what the labelers saw."""
    return tuple(channel.clip(0, 1) for channel in false_colour_unclipped(t11, t14, t15))


@INPUTS.register("fc_unclipped", bands=(11, 14, 15), channels=3, from_ash=False, scaled=None)
def false_colour_unclipped(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Ash false colour on the same scale, with what lies beyond the bounds (place 1)."""
    return _scale(t15 - t14, SPLIT_WINDOW), _scale(t14 - t11, CLOUD_TOP), _scale(t14, CLOUD_TEMPERATURE)


@INPUTS.register("split_window", bands=(14, 15), channels=1, from_ash=True, scaled=None)
def split_window(t14: Plane, t15: Plane) -> Channels:
    """T15 - T14 on the ash image's scale, clipped: one channel (variants of row 18)."""
    return (_scale(t15 - t14, SPLIT_WINDOW).clip(0, 1),)


def _scale(values: Plane, bounds: tuple[float, float]) -> Plane:
    low, high = bounds
    return (values - low) / (high - low)
