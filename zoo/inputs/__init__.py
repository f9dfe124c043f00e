"""Named ways from kelvin to channels. One function each, one registry line, in any file here.

In: kelvin, float32 (..., bands, H, W), in the order of the entry's `bands`. Out: channels, float32
(..., channels, H, W). Facts of an entry:

bands     which files of a record it reads
channels  how many it gives
from_ash  whether scenes that are kept as ash-colour images will do: their kelvins are exact where not clipped
scaled    None, or by which statistics of the training records its channels are scaled: mean_std, min_max

Stays outside: files, torch, resizing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.registry import Registry, load_modules

Floats = NDArray[np.float32]
INPUTS: Registry[Callable[[Floats], Floats]] = Registry("input")

load_modules(__name__, Path(__file__).parent)

from zoo.inputs._reading import read_channels, require_input  # noqa: E402  they ask the registry
from zoo.inputs._scaling import Scaling, fit_scaling, read_scaling, write_scaling  # noqa: E402

__all__ = [
    "INPUTS",
    "Floats",
    "Scaling",
    "fit_scaling",
    "read_channels",
    "read_scaling",
    "require_input",
    "write_scaling",
]
