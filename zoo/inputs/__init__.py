"""Inputs: named ways from kelvin to channels, the statistics that scale them, and their reading from records.

Stays outside: torch, resizing, where the files of records are.
"""

from zoo.inputs.named import INPUTS, Channels, InputFacts, Plane, mean_std, min_max
from zoo.inputs.reading import Floats, frames_at, read_channels, records_with, require_input
from zoo.inputs.scaling import Scaling, fit_scaling, read_scaling, write_scaling

__all__ = [
    "INPUTS",
    "Channels",
    "Floats",
    "InputFacts",
    "Plane",
    "Scaling",
    "fit_scaling",
    "frames_at",
    "mean_std",
    "min_max",
    "read_channels",
    "read_scaling",
    "records_with",
    "require_input",
    "write_scaling",
]
