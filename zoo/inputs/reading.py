"""Read the channels of records; refuse records from which they cannot be made."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data import FRAMES, LABELLED, Record, Scenes
from zoo.inputs.named import INPUTS

Floats = NDArray[np.float32]


def require_input(scenes: Scenes, records: Iterable[Record], name: str, frames: Sequence[int]) -> None:
    """Refuse, by name and before anything starts, records from which the input cannot be made."""
    facts = INPUTS.facts(name)
    for record in records:
        where = f"record {record.id} ({record.source})"
        lacking = sorted(set(facts.bands) - set(scenes.source(record).bands(record)))
        if lacking:
            raise UserError(
                f'{where}: has no band {lacking[0]:02d}, which the input "{name}" needs; '
                "choose another input or leave this source out"
            )
        if record.clipped and not facts.from_ash:
            raise UserError(
                f'{where}: is an ash-colour image, from which the input "{name}" cannot be made; leave this source out'
            )
        absent = sorted(set(frames) - set(scenes.source(record).frames(record, facts.bands)))
        if absent:
            raise UserError(f"{where}: frame {absent[0]} is absent, the recipe needs it; leave this source out")


def frames_at(frames: Sequence[int], labelled: int) -> tuple[int, ...]:
    """Shift a recipe's frames so that the frame `labelled` takes the place of the labelled one.

    >>> frames_at((4, 5, 6), 3)
    (2, 3, 4)
    """
    return tuple(frame + labelled - LABELLED for frame in frames)


def records_with(scenes: Scenes, records: Iterable[Record], name: str, frames: Sequence[int]) -> list[Record]:
    """Select the records that hold every one of these frames in all bands of the input; none for frames beyond 1 to 8.

    Reads the first pixel of each band.
    """
    bands = INPUTS.facts(name).bands
    if not set(frames) <= set(range(1, FRAMES + 1)):
        return []
    return [record for record in records if set(frames) <= set(scenes.source(record).frames(record, bands))]


def read_channels(scenes: Scenes, record: Record, name: str, frames: Sequence[int]) -> Floats:
    """Read the channels of one record, before scaling: float32 (frames, channels, 256, 256)."""
    entry = INPUTS.entry(name)
    kelvin = scenes.kelvin(record, entry.facts.bands, frames)
    return np.stack(entry.make(*kelvin), axis=1)
