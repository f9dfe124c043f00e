"""The named inputs: one function each, with its facts, in any order.

A function takes kelvin, float32 (..., H, W), one argument for each of its `bands`, and returns a tuple of channels of
the same shape. Arrays come in where a record is read, tensors where a member is exported: a function keeps to what both
have, arithmetic, slices and methods such as `clip`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.registry import Registry
from zoo.data.ash import CLOUD_TOP, SPLIT_WINDOW, ash_colours, scaled
from zoo.data.records import BANDS
from zoo.data.ridge import ridge
from zoo.data.stats import PixelStats

RIDGE = 2.0  # sigma of the ridge filter in pixels: the best of those that `data features` tries
# Curvature in kelvin at 0 and at 1: no line lies in the middle, 99.8 and 99.9 % of all pixels of real scenes within.
SPLIT_WINDOW_RIDGE, CLOUD_TOP_RIDGE = (-0.6, 0.6), (-1.2, 1.2)

Plane = Any  # float32 (..., H, W): an array or a tensor
Channels = tuple[Plane, ...]
Statistic = Callable[[PixelStats], tuple[float, float]]  # of a channel -> shift, scale: (x - shift) / scale


@dataclass(frozen=True, kw_only=True)
class InputFacts:
    """Facts of an input."""

    bands: tuple[int, ...]  # files of a record that it reads
    channels: int  # number of channels that it returns
    scaled: Statistic | None  # statistics of the training records that scale its channels; None: not scaled
    # The first three channels are the ash image: a pretrained encoder keeps its filters on them, and those of any
    # further channels start at zero.
    colour: bool = False
    # The same channels from clipped ash colours, where all of them can be made from these.
    of_ash: Callable[[Plane, Plane, Plane], Channels] | None = None

    @property
    def from_ash(self) -> bool:
        """True if scenes kept as ash-colour images will do: their kelvins are exact where not clipped."""
        return self.of_ash is not None


INPUTS: Registry[Callable[..., Channels], InputFacts] = Registry("input", InputFacts)


def mean_std(stats: PixelStats) -> tuple[float, float]:
    """Scale a channel to mean 0 and standard deviation 1."""
    return stats.mean, stats.std


def min_max(stats: PixelStats) -> tuple[float, float]:
    """Scale a channel to 0..1."""
    return stats.low, stats.high - stats.low


def ash_alone(red: Plane, green: Plane, blue: Plane) -> Channels:
    """Clipped ash colours as they are."""
    return red, green, blue


def ash_and_ridges(red: Plane, green: Plane, blue: Plane) -> Channels:
    """Clipped ash colours, and how strong a dark line is in the two differences that red and green show, in 0..1."""
    lines = [
        scaled(ridge(channel * (high - low), RIDGE), bounds).clip(0, 1)
        for channel, (low, high), bounds in (
            (red, SPLIT_WINDOW, SPLIT_WINDOW_RIDGE),
            (green, CLOUD_TOP, CLOUD_TOP_RIDGE),
        )
    ]
    return red, green, blue, *lines


def ash_red(red: Plane, green: Plane, blue: Plane) -> Channels:
    """Red of the clipped ash colours alone."""
    return (red,)


@INPUTS.register("fc", bands=(11, 14, 15), channels=3, of_ash=ash_alone, scaled=None, colour=True)
def false_colour(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Ash false colour R, G, B in 0..1, clipped: what the labelers saw."""
    return tuple(channel.clip(0, 1) for channel in false_colour_unclipped(t11, t14, t15))


@INPUTS.register("fc_unclipped", bands=(11, 14, 15), channels=3, scaled=None, colour=True)
def false_colour_unclipped(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Ash false colour on the same scale, with what lies beyond the bounds (place 1)."""
    return ash_colours(t11, t14, t15)


@INPUTS.register("fc_ridge", bands=(11, 14, 15), channels=5, of_ash=ash_and_ridges, scaled=None, colour=True)
def false_colour_and_ridges(t11: Plane, t14: Plane, t15: Plane) -> Channels:
    """Clipped ash false colour, and how strong a dark line is in its T15 - T14 and its T14 - T11, in 0..1.

    The lines are those of the clipped differences, the same for records and ash-colour scenes.
    """
    return ash_and_ridges(*false_colour(t11, t14, t15))


@INPUTS.register("split_window", bands=(14, 15), channels=1, of_ash=ash_red, scaled=None)
def split_window(t14: Plane, t15: Plane) -> Channels:
    """T15 - T14 on the ash image's scale, clipped: one channel (variants of row 18)."""
    return (scaled(t15 - t14, SPLIT_WINDOW).clip(0, 1),)


@INPUTS.register("all_bands_mean_std", bands=BANDS, channels=9, scaled=mean_std)
@INPUTS.register("all_bands_min_max", bands=BANDS, channels=9, scaled=min_max)
def all_bands(*kelvin: Plane) -> Channels:
    """The nine bands, 08 to 16, kelvin (rows 6 and 7)."""
    return kelvin


@INPUTS.register("fc_and_bands", bands=(11, 13, 14, 15), channels=6, scaled=mean_std)
def false_colour_and_bands(t11: Plane, t13: Plane, t14: Plane, t15: Plane) -> Channels:
    """The differences of the ash image, T15 - T14, T14 - T11, T14, and bands 11, 13, 15, kelvin (place 3).

    There the ash channels were left unscaled; here all six are standardised.
    """
    return t15 - t14, t14 - t11, t14, t11, t13, t15


@INPUTS.register("differences_and_bands", bands=BANDS, channels=11, scaled=mean_std)
def differences_and_bands(*kelvin: Plane) -> Channels:
    """T15 - T14, T14 - T11 and the nine bands, kelvin (place 6)."""
    t11, t14, t15 = (kelvin[BANDS.index(band)] for band in (11, 14, 15))
    return t15 - t14, t14 - t11, *kelvin
