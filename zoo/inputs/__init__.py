"""Inputs: named ways from kelvin to channels, the statistics that scale them, and their reading from records.

Stays outside: torch, resizing, where the files of records are.
"""

from zoo.inputs.named import INPUTS, Channels, InputFacts, Plane, mean_std, min_max
from zoo.inputs.packing import content_for
from zoo.inputs.reading import (
    Floats,
    frames_at,
    read_batch,
    read_channels,
    records_with,
    require_input,
    stored_colours,
)
from zoo.inputs.scaling import Scaling, fit_scaling, read_scaling, write_scaling

__all__ = [
    "INPUTS",
    "Channels",
    "Floats",
    "InputFacts",
    "Plane",
    "Scaling",
    "content_for",
    "fit_scaling",
    "frames_at",
    "mean_std",
    "min_max",
    "read_batch",
    "read_channels",
    "read_scaling",
    "records_with",
    "require_input",
    "stored_colours",
    "write_scaling",
]
