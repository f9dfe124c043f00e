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
        source = scenes.source(record)
        if _spoils(source.bands(record), record.clipped, name):
            raise _unfit(scenes, records, record, name)
        absent = sorted(set(frames) - set(source.frames(record, facts.bands)))
        if absent:
            raise _absent_frame(scenes, records, record, facts.bands, frames, absent[0])


def _spoils(bands: Iterable[int], clipped: bool, name: str) -> str:
    """Reason why an input cannot be made of a record that holds these bands; nothing if it can."""
    facts = INPUTS.facts(name)
    lacking = sorted(set(facts.bands) - set(bands))
    if lacking:
        return f"lacks {_bands(lacking)}"
    return "is kept as an ash-colour image" if clipped and not facts.from_ash else ""


def _unfit(scenes: Scenes, records: Sequence[Record], first: Record, name: str) -> UserError:
    """Error for records of a source of which an input cannot be made: why, how many, and which inputs can."""
    source = scenes.source(first)
    held = [(frozenset(source.bands(record)), record.clipped) for record in records if record.source == first.source]
    kinds = set(held)
    number = sum(bool(_spoils(*kind, name)) for kind in held)
    others = [other for other in INPUTS.names() if not any(_spoils(*kind, other) for kind in kinds)]
    cure = f"give --set input={others[0]}" if others else "choose other data"
    if len(others) > 1:
        cure += f" (or {', '.join(others[1:])})"
    cure += ", pack the scenes for this input," if source.packed else ","
    return UserError(
        f"record {first.id} ({first.source}): {_spoils(source.bands(first), first.clipped, name)}, of which the input "
        f'"{name}" cannot be made, as {_share(number, held, first)}: {cure} or --data without this source'
    )


def _absent_frame(
    scenes: Scenes, records: Sequence[Record], first: Record, bands: Sequence[int], frames: Sequence[int], frame: int
) -> UserError:
    """Error for a frame that records of a source lack: in which bands, in how many of them, and what can be done."""
    source = scenes.source(first)
    own = [record for record in records if record.source == first.source]
    lacking = [record for record in own if frame not in source.frames(record, bands)]
    without = [band for band in bands if frame not in source.frames(first, (band,))]
    needed = ", ".join(map(str, frames))
    return UserError(
        f"record {first.id} ({first.source}): frame {frame} is absent in {_bands(without)}, as "
        f"{_share(len(lacking), own, first)}; the recipe needs frames {needed}: "
        "give --set 'frames=[5]', or --data without this source"
    )


def _bands(bands: Sequence[int]) -> str:
    return f"band{'s' * (len(bands) > 1)} " + ", ".join(f"{band:02d}" for band in bands)


def _share(number: int, records: Sequence[object], first: Record) -> str:
    return f"in {number} of {counted(len(records), 'record')} of {first.source}"


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
