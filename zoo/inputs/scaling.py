"""Statistics of the training records that scale an input's channels; kept beside the weights trained with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.files import check_format, read_json, write_json
from zoo.data import Record, Scenes
from zoo.data.parallel import Advance, sweep
from zoo.data.stats import Spread
from zoo.inputs.named import INPUTS
from zoo.inputs.reading import Floats, read_channels

FLAT = 1e-3  # kelvin, a hundredth of the instrument's noise: no spread, only rounding


@dataclass(frozen=True, eq=False)
class Scaling:
    """x -> (x - shift) / scale, a pair for each channel of `input`; fitted on so many `records`."""

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
    advance: Advance | None = None,
) -> Scaling | None:
    """Over all pixels of these frames of these records; None for an input that needs none.

    UserError where a channel is the same everywhere. `advance(1)` is called for each record read.
    """
    statistic = INPUTS.facts(name).scaled
    if statistic is None:
        return None

    def spreads(record: Record) -> list[Spread]:
        channels = np.moveaxis(read_channels(scenes, record, name, frames), 1, 0)
        return [Spread.of(channel) for channel in channels]

    found = reduce(lambda a, b: list(map(add, a, b)), sweep(spreads, records, jobs, advance))
    shift, scale = np.array([statistic(spread) for spread in found], np.float32).T
    if not (scale > FLAT).all():
        flat = int((scale <= FLAT).argmax())
        raise UserError(f'input "{name}": channel {flat + 1} has one value in all {len(records)} records; check them')
    return Scaling(name, shift, scale, len(records))


def write_scaling(path: Path, scaling: Scaling) -> None:
    """As JSON, atomically."""
    numbers = {"shift": scaling.shift.tolist(), "scale": scaling.scale.tolist()}
    write_json(path, {"format": 1, "input": scaling.input, "records": scaling.records, **numbers})


def read_scaling(path: Path, name: str) -> Scaling | None:
    """What was written for the input `name`, to the bit; None where it needs none; UserError for anything else."""
    facts = INPUTS.facts(name)
    if facts.scaled is None:
        return None
    document = read_json(path)
    check_format(document, 1, path)
    shift, scale = (np.array(document.get(key), np.float32) for key in ("shift", "scale"))
    if document.get("input") != name or not shift.shape == scale.shape == (facts.channels,):
        raise UserError(f'{path}: holds no statistics of the input "{name}"; train it again')
    return Scaling(name, shift, scale, document.get("records", 0))
