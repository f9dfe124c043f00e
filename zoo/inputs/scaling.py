"""Statistics of the training records that scale an input's channels; kept beside the weights trained with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np

from core.command import Command
from core.errors import Damaged, UserError
from core.listener import SILENT, Listener
from core.signing import read_signed, write_signed
from zoo.data import Record, Scenes
from zoo.data.parallel import parallel_map
from zoo.data.stats import PixelStats
from zoo.inputs.named import INPUTS
from zoo.inputs.reading import Floats, read_channels

FORMAT = 2
FLAT = 1e-3  # kelvin, a hundredth of the instrument's noise: no spread, only rounding


class ScalingDocument(TypedDict):
    """Content of scaling.json: a shift and a scale for each channel."""

    input: str
    shift: list[float]
    scale: list[float]
    records: NotRequired[int]


@dataclass(frozen=True, eq=False)
class Scaling:
    """x -> (x - shift) / scale, a pair for each channel of `input`; fitted on this number of `records`."""

    input: str
    shift: Floats  # (channels,)
    scale: Floats  # (channels,)
    records: int

    def __call__(self, channels: Floats) -> Floats:
        """Channels (..., channels, H, W), scaled."""
        return (channels - self.shift[:, None, None]) / self.scale[:, None, None]


def fit_scaling(
    scenes: Scenes,
    records: Sequence[Record],
    name: str,
    frames: Sequence[int],
    jobs: int = 1,
    listener: Listener = SILENT,
) -> Scaling | None:
    """Fit the scaling of an input over all pixels of these frames of these records; None if it needs none.

    UserError if a channel has one value everywhere.
    """
    statistic = INPUTS.facts(name).scaled
    if statistic is None:
        return None

    def pixel_stats(record: Record) -> list[PixelStats]:
        channels = np.moveaxis(read_channels(scenes, record, name, frames), 1, 0)
        return [PixelStats.of(channel) for channel in channels]

    each = parallel_map(pixel_stats, records, jobs, listener, f"statistics of {name}")
    found = reduce(lambda a, b: list(map(add, a, b)), each)
    shift, scale = np.array([statistic(stats) for stats in found], np.float32).T
    if not (scale > FLAT).all():
        flat = int((scale <= FLAT).argmax())
        raise UserError(f'input "{name}": channel {flat + 1} has one value in all {len(records)} records; check them')
    return Scaling(name, shift, scale, len(records))


def write_scaling(path: Path, scaling: Scaling) -> None:
    """Write the statistics as JSON, atomically."""
    numbers = {"shift": scaling.shift.tolist(), "scale": scaling.scale.tolist()}
    write_signed(path, {"format": FORMAT, "input": scaling.input, "records": scaling.records, **numbers})


def read_scaling(path: Path, name: str, again: Command | None = None) -> Scaling | None:
    """Read the exact statistics of the input `name`; None if it needs none.

    again: command that makes the file again. Raises Damaged for a file that was changed or is of another input,
    UserError for one that is absent or cannot be read.
    """
    facts = INPUTS.facts(name)
    if facts.scaled is None:
        return None
    document = read_signed(path, FORMAT, ScalingDocument, again)
    with np.errstate(over="ignore"):
        shift, scale = np.array(document["shift"], np.float32), np.array(document["scale"], np.float32)
    fits = shift.shape == scale.shape == (facts.channels,) and np.isfinite([shift, scale]).all() and scale.all()
    if document["input"] != name or not fits:
        raise Damaged(f'{path}: holds no statistics of the input "{name}"; train it again', again)
    return Scaling(name, shift, scale, document.get("records", 0))
