"""Named ways from kelvin to channels. One function each, one registry line, in any file here.

In: kelvin, float32 (..., H, W), one argument for each of the entry's `bands`. Out: a tuple of channels of the same
shape. Arrays come in where a record is read, tensors where a member is exported: a function keeps to what both can,
arithmetic, slices and methods such as `clip`. Facts of an entry:

bands     which files of a record it reads
channels  how many it gives
from_ash  whether scenes that are kept as ash-colour images will do: their kelvins are exact where not clipped
scaled    None, or by which statistics of the training records its channels are scaled: mean_std, min_max

Stays outside: files, torch, resizing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.registry import Registry, load_modules

Floats = NDArray[np.float32]
Plane = Any  # float32 (..., H, W): an array or a tensor
Channels = tuple[Plane, ...]
INPUTS: Registry[Callable[..., Channels], dict[str, Any]] = Registry("input")

load_modules(__name__, Path(__file__).parent)

from zoo.inputs._reading import read_channels, require_input  # noqa: E402  they ask the registry
from zoo.inputs._scaling import Scaling, fit_scaling, read_scaling, write_scaling  # noqa: E402

__all__ = [
    "INPUTS",
    "Channels",
    "Floats",
    "Plane",
    "Scaling",
    "fit_scaling",
    "read_channels",
    "read_scaling",
    "require_input",
    "write_scaling",
]
