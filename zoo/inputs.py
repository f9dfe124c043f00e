"""Named ways from kelvin to channels: one function each.

In: kelvin, float32 (..., bands, H, W), in the order of the entry's `bands`. Out: channels, float32
(..., channels, H, W). An input that `from_ash` allows can also be made from scenes that are kept as ash-colour
images, whose kelvins are exact only where the image is not clipped. Stays outside: files, torch, resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.registry import Registry

if TYPE_CHECKING:
    from zoo.data import Record, Scenes

Floats = NDArray[np.float32]
INPUTS: Registry[Callable[[Floats], Floats]] = Registry("input")

# The bounds of the competition's own ash-colour visualisation, kelvin.
SPLIT_WINDOW = (-4.0, 2.0)  # T15 - T14
CLOUD_TOP = (-4.0, 5.0)  # T14 - T11
CLOUD_TEMPERATURE = (243.0, 303.0)  # T14


@INPUTS.register("fc", bands=(11, 14, 15), channels=3, from_ash=True)
def false_colour(kelvin: Floats) -> Floats:
    """Ash false colour R, G, B in 0..1, clipped: what the labelers saw."""
    return np.clip(false_colour_unclipped(kelvin), 0, 1)


@INPUTS.register("fc_unclipped", bands=(11, 14, 15), channels=3, from_ash=False)
def false_colour_unclipped(kelvin: Floats) -> Floats:
    """Ash false colour on the same scale, with what lies beyond the bounds (place 1)."""
    t11, t14, t15 = (kelvin[..., band, :, :] for band in range(3))
    channels = (
        _scale(t15 - t14, SPLIT_WINDOW),
        _scale(t14 - t11, CLOUD_TOP),
        _scale(t14, CLOUD_TEMPERATURE),
    )
    return np.stack(channels, axis=-3)


@INPUTS.register("split_window", bands=(14, 15), channels=1, from_ash=True)
def split_window(kelvin: Floats) -> Floats:
    """T15 - T14 on the ash image's scale, clipped: one channel (variants of row 18)."""
    return np.clip(_scale(kelvin[..., 1:, :, :] - kelvin[..., :1, :, :], SPLIT_WINDOW), 0, 1)


def require_input(scenes: Scenes, records: Iterable[Record], name: str, frames: Sequence[int]) -> None:
    """Refuse, by name and before anything starts, records from which the input cannot be made."""
    facts = INPUTS.entry(name).facts
    for record in records:
        where = f"record {record.id} ({record.source})"
        lacking = sorted(set(facts["bands"]) - set(scenes.bands(record)))
        if lacking:
            raise UserError(
                f'{where}: lacks band {lacking[0]:02d}, which the input "{name}" needs; '
                "choose another input or leave this source out"
            )
        if record.clipped and not facts["from_ash"]:
            raise UserError(
                f"{where}: is kept as an ash-colour image, from which the input "
                f'"{name}" cannot be made; leave this source out'
            )
        absent = sorted(set(frames) - set(scenes.frames(record, facts["bands"])))
        if absent:
            raise UserError(f"{where}: frame {absent[0]} is absent, the recipe needs it; leave this source out")


def read_channels(scenes: Scenes, record: Record, name: str, frames: tuple[int, ...]) -> Floats:
    """The channels of one record: float32 (frames, channels, 256, 256)."""
    entry = INPUTS.entry(name)
    kelvin = scenes.kelvin(record, entry.facts["bands"], frames)
    return entry.make(np.swapaxes(kelvin, 0, 1))


def _scale(values: Floats, bounds: tuple[float, float]) -> Floats:
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    return (values - low) / (high - low)
