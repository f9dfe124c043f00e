"""Whole bands, alone or beside differences of them, scaled by the statistics of the training records."""

from zoo.data.records import BANDS
from zoo.inputs import INPUTS, Channels, Plane


@INPUTS.register("all_bands_mean_std", bands=BANDS, channels=9, from_ash=False, scaled="mean_std")
@INPUTS.register("all_bands_min_max", bands=BANDS, channels=9, from_ash=False, scaled="min_max")
def all_bands(*kelvin: Plane) -> Channels:
    """The nine bands, 08 to 16, kelvin (rows 6 and 7)."""
    return kelvin


@INPUTS.register("fc_and_bands", bands=(11, 13, 14, 15), channels=6, from_ash=False, scaled="mean_std")
def false_colour_and_bands(t11: Plane, t13: Plane, t14: Plane, t15: Plane) -> Channels:
    """What the ash image is made of, T15 - T14, T14 - T11, T14, and bands 11, 13, 15, kelvin (place 3).

    There the ash channels were left unscaled; here all six are standardised.
    """
    return t15 - t14, t14 - t11, t14, t11, t13, t15


@INPUTS.register("differences_and_bands", bands=BANDS, channels=11, from_ash=False, scaled="mean_std")
def differences_and_bands(*kelvin: Plane) -> Channels:
    """T15 - T14, T14 - T11 and the nine bands, kelvin (place 6)."""
    t11, t14, t15 = (kelvin[BANDS.index(band)] for band in (11, 14, 15))
    return t15 - t14, t14 - t11, *kelvin
