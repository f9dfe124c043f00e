"""Layout of a packed folder, which `cli data pack` writes: packed.json and shards of records (zoo.data.shards).

Bands, frames and precision are those that were packed. Files are mapped into memory, so that a batch is copied from the
page cache without being opened, parsed or taken apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.command import Command
from core.errors import UserError
from core.signing import read_signed
from zoo.data.arrays import FileFault, map_array
from zoo.data.ash import ash_to_kelvin
from zoo.data.layouts import LAYOUTS
from zoo.data.records import SIZE, ExpectedFiles, Fault, Finding, Metadata, Record, Source, Split, sorted_records
from zoo.data.shards import (
    FORMAT,
    LABELERS,
    MASKS,
    PLANES,
    SHARD,
    THUMBNAILS,
    Content,
    Row,
    Shard,
    Stored,
    digest_of,
    read_shard,
    record_of,
    shard_name,
    unpacked_bits,
)

PACKED = "packed.json"
Files = Mapping[str, NDArray[Any]]


@LAYOUTS.register("packed", contents="packed records", expects=f"{PACKED}")
@dataclass(frozen=True)
class PackedSource(Source):
    """Folder that `cli data pack` wrote."""

    packed = True

    @staticmethod
    def recognises(root: Path) -> bool:
        """True if `root` holds packed records, complete or not."""
        return (root / PACKED).is_file()

    def records(self) -> tuple[Record, ...]:
        return sorted_records(self._places)

    def path(self, record: Record) -> Path:
        return self._folder(self._places[record][0])

    def mask_path(self, record: Record) -> Path:
        return self.path(record) / MASKS

    def has_mask(self, record: Record) -> bool:
        return self._row(record).labelled

    def has_labelers(self, record: Record) -> bool:
        return self._row(record).labelers is not None

    def bands(self, record: Record) -> tuple[int, ...]:
        return self._content(record).bands

    def files(self, record: Record, bands: Sequence[int]) -> tuple[Path, ...]:
        """The list of the record's shard, which has the digest of what the others hold."""
        return (self.path(record) / SHARD,)

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        lacking = {frame for band, frame in self._row(record).absent if band in bands}
        return tuple(sorted(set(self._content(record).frames) - lacking))

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        content = self._content(record)
        for band in bands:
            if band not in content.bands:
                what = f"record {record.id} was packed without band {band:02d}"
                raise FileFault(self.path(record) / PLANES, what, "pack the scenes for an input of these bands")
        planes = self._decoded(record, frames)
        if content.kind == "ash":
            planes = np.stack(ash_to_kelvin(*planes))
        return planes[[content.bands.index(band) for band in bands]]

    def colours(self, record: Record, frames: Sequence[int]) -> NDArray[np.float32] | None:
        return self._decoded(record, frames) if self._content(record).kind == "ash" else None

    def stored(self, records: Sequence[Record], bands: Sequence[int] | None, frames: Sequence[int]) -> Stored | None:
        places = [self._places[record] for record in records]
        contents = {self._shards[shard].content for shard in {shard for shard, _ in places}}
        if len(contents) != 1:
            return None
        (content,) = contents
        if (bands is None) != (content.kind == "ash") or not set(frames) <= set(content.frames):
            return None
        channels = content.bands if bands is None else tuple(bands)
        incomplete = self._incomplete.intersection(records)
        if not set(channels) <= set(content.bands) or any(self._lacks(each, channels, frames) for each in incomplete):
            return None
        values: NDArray[Any] = np.empty((len(records), len(frames), len(channels), SIZE, SIZE), content.dtype)
        # One copy a record: indexing the shards by lists would take another to bring records into their order.
        if channels == content.bands and tuple(frames) == content.frames:
            for plane, (shard, number) in zip(values, places):
                plane[...] = self._files(shard)[PLANES][number]
        else:
            rows, columns = _at(content.frames, frames), _at(content.bands, channels)
            for plane, (shard, number) in zip(values, places):
                plane[...] = self._files(shard)[PLANES][number, rows][:, columns]
        return Stored(Content(kind=content.kind, bands=channels, frames=tuple(frames)), values)

    def masks(self, records: Sequence[Record]) -> NDArray[np.bool_]:
        places = [self._places[record] for record in records]
        return unpacked_bits(np.stack([self._files(shard)[MASKS][number] for shard, number in places]))

    def mask(self, record: Record) -> NDArray[np.bool_]:
        return self.masks([record])[0]

    def labelers(self, record: Record) -> NDArray[np.bool_] | None:
        row = self._row(record)
        if row.labelers is None:
            return None
        if not row.marked:
            return np.zeros((row.labelers, SIZE, SIZE), bool)
        return unpacked_bits(self._parts(record)[LABELERS])

    def thumbnails(self, record: Record) -> NDArray[np.float32]:
        return np.array(self._parts(record)[THUMBNAILS][: self._row(record).held])

    def metadata(self) -> Mapping[tuple[Split, str], Metadata]:
        known = ((record, self._row(record).metadata) for record in self._places)
        return {(record.split, record.id): each for record, each in known if each}

    def expected_files(self) -> ExpectedFiles:
        """Each record is a part of one shard."""
        return {record: frozenset((self.path(record).name,)) for record in self.records()}

    def check(self, record: Record, expected: frozenset[str]) -> Finding:
        """Compare what the files hold of a record with its digest."""
        row, content = self._row(record), self._content(record)
        absent = {*row.absent, *((band, frame) for band in content.bands for frame in _others(content.frames))}
        faults: list[Fault] = []
        try:
            if digest_of(self._parts(record)) != row.digest:
                what = "holds other bytes than were packed"
                faults.append(Fault(record.id, self.path(record), what, self._todo))
        except FileFault as error:
            faults.append(Fault(record.id, error.path, error.fault, error.todo))
        return Finding(record, 1, content.bands, tuple(sorted(absent)), row.labelled, tuple(faults))

    @cached_property
    def _again(self) -> Command:
        """Command that makes this folder again; it keeps what is intact."""
        return packed_by(self.root)[0]

    @property
    def _todo(self) -> str:
        return f"run: {self._again}"

    @cached_property
    def _shards(self) -> tuple[Shard, ...]:
        again, shards = packed_by(self.root)
        if shards is None:
            raise UserError(f"{self.root}: is not packed to its end", again)
        return tuple(read_shard(self._folder(number), again) for number in range(shards))

    @cached_property
    def _places(self) -> dict[Record, tuple[int, int]]:
        """Shard and row of each record."""
        return {
            record_of(row, shard.content, self.name): (index, number)
            for index, shard in enumerate(self._shards)
            for number, row in enumerate(shard.rows)
        }

    @cached_property
    def _incomplete(self) -> frozenset[Record]:
        """Records that lack a frame."""
        return frozenset(record for record in self._places if self._row(record).absent)

    @cached_property
    def _mapped(self) -> dict[int, Files]:
        return {}

    def _files(self, number: int) -> Files:
        """Files of a shard, mapped into memory when it is first asked for."""
        if number not in self._mapped:
            folder, shapes = self._folder(number), self._shards[number].shapes()
            self._mapped[number] = {
                name: map_array(folder / name, *of_file, self._todo) for name, of_file in shapes.items()
            }
        return self._mapped[number]

    def _folder(self, number: int) -> Path:
        return self.root / shard_name(number)

    def _row(self, record: Record) -> Row:
        shard, number = self._places[record]
        return self._shards[shard].rows[number]

    def _content(self, record: Record) -> Content:
        return self._shards[self._places[record][0]].content

    def _lacks(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> bool:
        return any(band in bands and frame in frames for band, frame in self._row(record).absent)

    def _parts(self, record: Record) -> dict[str, NDArray[Any]]:
        shard, number = self._places[record]
        return self._shards[shard].parts(self._files(shard), number)

    def _decoded(self, record: Record, frames: Sequence[int]) -> NDArray[np.float32]:
        """Colours or kelvins, (channels, len(frames), 256, 256); NaN where a frame is absent."""
        content, row = self._content(record), self._row(record)
        stored = self._parts(record)[PLANES]
        result = np.full((len(content.bands), len(frames), SIZE, SIZE), np.nan, np.float32)
        for place, frame in enumerate(frames):
            if frame in content.frames:
                result[:, place] = content.decode(stored[content.frames.index(frame)])
        for band, frame in row.absent:
            result[content.bands.index(band), np.equal(frames, frame)] = np.nan
        return result


class Packing(TypedDict):
    """Content of packed.json: options of the command that packed, and the number of shards once all are complete."""

    data: tuple[str, ...]
    input: tuple[str, ...]
    frames: tuple[int, ...]
    shards: int | None


def packed_by(root: Path) -> tuple[Command, int | None]:
    """Command that packed a folder, and the number of its shards; None for one that is not complete.

    Damaged if packed.json was changed.
    """
    document = read_signed(root / PACKED, FORMAT, Packing)
    frames = ",".join(map(str, document["frames"]))
    again = Command("data pack", root, data=document["data"], input=document["input"], frames=frames)
    return again, document["shards"]


def _others(frames: Sequence[int]) -> Iterator[int]:
    return (frame for frame in range(1, 9) if frame not in frames)


def _at(held: Sequence[int], wanted: Sequence[int]) -> slice | list[int]:
    """Places of the wanted among the held: a slice if they lie side by side, which numpy does not copy."""
    places = [held.index(each) for each in wanted]
    if places == list(range(places[0], places[0] + len(places))):
        return slice(places[0], places[0] + len(places))
    return places
