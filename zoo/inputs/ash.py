"""The ash false colour and its parts, scaled by the bounds of the competition's own visualisation."""

from zoo.data.ash import SPLIT_WINDOW, ash_colours, scaled
from zoo.inputs import INPUTS, Channels, Plane


@INPUTS.register("fc", bands=(11, 14, 15), channels=3, from_ash=True, scaled=None)
def false_colour(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Ash false colour R, G, B in 0..1, clipped: what the labelers saw."""
    return tuple(channel.clip(0, 1) for channel in false_colour_unclipped(t11, t14, t15))


@INPUTS.register("fc_unclipped", bands=(11, 14, 15), channels=3, from_ash=False, scaled=None)
def false_colour_unclipped(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Ash false colour on the same scale, with what lies beyond the bounds (place 1)."""
    return ash_colours(t11, t14, t15)


@INPUTS.register("split_window", bands=(14, 15), channels=1, from_ash=True, scaled=None)
def split_window(t14: Plane, t15: Plane) -> Channels:
    """T15 - T14 on the ash image's scale, clipped: one channel (variants of row 18)."""
    return (scaled(t15 - t14, SPLIT_WINDOW).clip(0, 1),)
