"""Read the channels of records; refuse records from which they cannot be made."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.words import counted
from zoo.data import FRAMES, LABELLED, Record, Scenes
from zoo.data.shards import Bytes, Stored
from zoo.inputs.named import INPUTS, ash_alone

Floats = NDArray[np.float32]


def require_input(scenes: Scenes, records: Iterable[Record], name: str, frames: Sequence[int]) -> None:
    """Refuse, by name and before anything starts, records from which the input cannot be made."""
    facts = INPUTS.facts(name)
    records = tuple(records)
    for record in records:
        where, source = f"record {record.id} ({record.source})", scenes.source(record)
        lacking = sorted(set(facts.bands) - set(source.bands(record)))
        if lacking:
            raise UserError(
                f'{where}: has no band {lacking[0]:02d}, which the input "{name}" needs; choose another input or '
                + ("pack the scenes for this one" if source.packed else "leave this source out")
            )
        if record.clipped and not facts.from_ash:
            raise UserError(
                f'{where}: is kept as an ash-colour image, from which the input "{name}" cannot be made; leave this '
                "source out, or pack the scenes for this input"
            )
        absent = sorted(set(frames) - set(source.frames(record, facts.bands)))
        if absent:
            raise _absent_frame(scenes, records, record, facts.bands, frames, absent[0])


def _absent_frame(
    scenes: Scenes, records: Sequence[Record], first: Record, bands: Sequence[int], frames: Sequence[int], frame: int
) -> UserError:
    """Error for a frame that records of a source lack: in which bands, in how many of them, and what can be done."""
    source = scenes.source(first)
    own = [record for record in records if record.source == first.source]
    lacking = [record for record in own if frame not in source.frames(record, bands)]
    without = [f"{band:02d}" for band in bands if frame not in source.frames(first, (band,))]
    needed = ", ".join(map(str, frames))
    return UserError(
        f"record {first.id} ({first.source}): frame {frame} is absent in band {', '.join(without)}, as in "
        f"{len(lacking)} of {counted(len(own), 'record')} of {first.source}; the recipe needs frames {needed}: "
        "give --set frames=[5], or --data without this source"
    )


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
    if entry.facts.of_ash and (colours := scenes.source(record).colours(record, frames)) is not None:
        return np.stack(entry.facts.of_ash(*colours), axis=1)
    return np.stack(entry.make(*scenes.kelvin(record, entry.facts.bands, frames)), axis=1)


def read_batch(scenes: Scenes, records: Sequence[Record], name: str, frames: Sequence[int]) -> Floats:
    """Read the channels of records, before scaling: float32 (n, frames, channels, 256, 256).

    The same bits as of `read_channels`; all at once where the records are packed alike.
    """
    stored = _stored(scenes, records, name, frames)
    if stored is None:
        return np.stack([read_channels(scenes, record, name, frames) for record in records])
    entry, planes = INPUTS.entry(name), stored.content.decode(stored.values)
    make = entry.make if stored.content.kind == "kelvin" else entry.facts.of_ash
    assert make
    if make is ash_alone:
        return planes
    return np.stack(make(*np.moveaxis(planes, 2, 0)), axis=2)


def stored_colours(scenes: Scenes, records: Sequence[Record], name: str, frames: Sequence[int]) -> Bytes | None:
    """Channels of records that are packed as these very ash colours: uint8 (n, frames, channels, 256, 256), * 255.

    None for any other input, and for records that are not packed, or not alike.
    """
    if INPUTS.facts(name).of_ash is not ash_alone:
        return None
    stored = _stored(scenes, records, name, frames)
    return stored.values if stored and stored.content.kind == "ash" else None


def _stored(scenes: Scenes, records: Sequence[Record], name: str, frames: Sequence[int]) -> Stored | None:
    """Values of the input's bands as packed records keep them; None unless all are packed alike."""
    source = scenes.common_source(records)
    if source is None:
        return None
    return source.stored(records, None if records[0].clipped else INPUTS.facts(name).bands, frames)
