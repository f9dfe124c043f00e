"""Format of a packed folder: shards of records, each a folder of .npy files with a signed list of what they hold.

In: kelvins, masks. Out: rows of stored values and their digests; the list of a shard, written and read back.

    packed.json       what was packed and by which command; which shards there are, once all of them are complete
    source.toml       the offset of the labels
    sample_submission.csv    as it was, if there was one
    shard-0000/
        planes.npy       (n, frames, channels, 256, 256): uint8, ash colours * 255, or uint16, kelvin * 100
        masks.npy        (n, 8192) uint8: the label, 8 pixels a byte
        labelers.npy     (m, 8192) uint8: marks of each labeler, of the records that any labeler marked
        thumbnails.npy   (n, 8, 768) float32: zoo.data.thumbnails of all frames that the record held, packed or not
        shard.json       records, their metadata and digests; written last

A record takes one range of bytes in each file, so that reading a batch is one copy a record. The digest of a record is
that of its bytes in all files; with it, any changed bit is found and the record is named.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.command import Command
from core.errors import Damaged
from core.signing import read_signed, write_signed
from zoo.data.ash import ash_image
from zoo.data.records import FRAMES, SIZE, Grid, Metadata, Record, Split

FORMAT = 1
SHARD = "shard.json"
PLANES, MASKS, LABELERS, THUMBNAILS = "planes.npy", "masks.npy", "labelers.npy", "thumbnails.npy"
BITS = SIZE**2 // 8  # bytes of a mask
THUMBNAIL = 768  # numbers of a thumbnail of three colours
KELVIN, COLOURS = 100, 255  # steps of a kelvin, and of a colour from 0 to 1

Kind = Literal["ash", "kelvin"]  # what the planes hold
DTYPES: dict[Kind, str] = {"ash": "|u1", "kelvin": "<u2"}
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a shard keeps of each record: ash colours or kelvins, of which bands and frames (1 to 8)."""

    kind: Kind
    bands: tuple[int, ...]
    frames: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the planes of a record: (frames, channels, 256, 256)."""
        return len(self.frames), len(self.bands), SIZE, SIZE

    @property
    def dtype(self) -> str:
        """Type of the planes."""
        return DTYPES[self.kind]

    @property
    def step(self) -> np.float32:
        """Steps of a kelvin, or of a colour from 0 to 1."""
        return np.float32(COLOURS if self.kind == "ash" else KELVIN)

    @property
    def record_bytes(self) -> int:
        """Bytes of a record without the marks of labelers."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize + BITS + 4 * FRAMES * THUMBNAIL

    def encode(self, kelvin: NDArray[np.float32]) -> NDArray[Any]:
        """Planes as they are stored, of kelvins (bands, frames, 256, 256); zeros for NaN.

        A kelvin is off by at most 0.005 K, an ash colour by at most 1/510.
        """
        planes = ash_image(kelvin) if self.kind == "ash" else kelvin
        stored = np.zeros((planes.shape[1], planes.shape[0], *planes.shape[2:]), self.dtype)
        # Plane by plane, each of which stays in the processor's cache.
        for channel, of_channel in enumerate(planes):
            for frame, plane in enumerate(of_channel):
                if not np.isnan(plane[0, 0]):  # a frame is wholly NaN or not at all
                    stored[frame, channel] = np.rint(plane * self.step)
        return stored

    def decode(self, planes: NDArray[Any]) -> NDArray[np.float32]:
        """Clipped ash colours, or kelvins, of stored values of any shape."""
        return np.divide(planes, self.step, dtype=np.float32)


@dataclass(frozen=True)
class Stored:
    """Values of several records as they are stored: (n, frames, channels, 256, 256) of this content."""

    content: Content
    values: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a shard's list says of one record."""

    id: str
    split: Split
    labelled: bool
    labelers: int | None  # how many there are; None if their marks are not known
    marked: bool  # any of them marked a pixel: their marks are stored
    held: int  # frames that have a thumbnail
    absent: tuple[tuple[int, int], ...]  # packed (band, frame) pairs that the record does not hold
    made_from: str  # digest of names, sizes and times of the files that it was packed from
    digest: str
    metadata: Metadata | None

    @property
    def marks(self) -> int:
        """Rows that the record has among the labelers' marks."""
        return self.labelers or 0 if self.marked else 0


@dataclass(frozen=True, kw_only=True)
class Shard:
    """List of the records of one shard, in the order of its files."""

    content: Content
    rows: tuple[Row, ...]

    def shapes(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Shape and type of each file."""
        count = len(self.rows)
        return {
            PLANES: ((count, *self.content.shape), self.content.dtype),
            MASKS: ((count, BITS), "|u1"),
            LABELERS: ((self.first_marks[-1], BITS), "|u1"),
            THUMBNAILS: ((count, FRAMES, THUMBNAIL), "<f4"),
        }

    @cached_property
    def first_marks(self) -> list[int]:
        """Row of the first labeler of each record, and at the end the number of all rows."""
        return [0, *accumulate(row.marks for row in self.rows)]

    def parts(self, files: Mapping[str, NDArray[Any]], number: int) -> dict[str, NDArray[Any]]:
        """What each file holds of a record."""
        marks = slice(*self.first_marks[number : number + 2])
        return {name: values[marks if name == LABELERS else number] for name, values in files.items()}


class RowDocument(TypedDict):
    """Row of a record in shard.json; `grid`: index of its projection, row_min, row_size, col_min, col_size."""

    id: str
    split: Split
    labelled: bool
    labelers: int | None
    marked: bool
    held: int
    absent: tuple[tuple[int, int], ...]
    made_from: str
    digest: str
    time: NotRequired[float]
    centre: NotRequired[tuple[float, float] | None]
    grid: NotRequired[tuple[int, float, float, float, float]]


class ShardDocument(TypedDict):
    """Content of shard.json."""

    kind: Kind
    bands: tuple[int, ...]
    frames: tuple[int, ...]
    projections: list[str]
    records: list[RowDocument]


def digest_of(parts: Mapping[str, NDArray[Any]]) -> str:
    """Digest of what the files hold of a record, in the order of their names."""
    digest = hashlib.sha256()
    for _, values in sorted(parts.items()):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:16]


def packed_bits(masks: NDArray[np.bool_]) -> Bytes:
    """Masks (..., 256, 256) as bits, (..., 8192)."""
    return np.packbits(masks.reshape(*masks.shape[:-2], -1), axis=-1)


def unpacked_bits(bits: Bytes) -> NDArray[np.bool_]:
    """Masks (..., 256, 256) of bits (..., 8192)."""
    return np.unpackbits(bits, axis=-1).reshape(*bits.shape[:-1], SIZE, SIZE).view(bool)


def shard_name(number: int) -> str:
    """shard-0000, shard-0001, ..."""
    return f"shard-{number:04d}"


def write_shard(folder: Path, shard: Shard) -> None:
    """Write the list of a shard, after its files."""
    projections: dict[str, int] = {}
    rows = [_document(row, projections) for row in shard.rows]
    content = {"kind": shard.content.kind, "bands": shard.content.bands, "frames": shard.content.frames}
    document = {"format": FORMAT, **content, "projections": list(projections), "records": rows}
    # One line of text a record would be three times the size of all else in it.
    write_signed(folder / SHARD, document)


def read_shard(folder: Path, again: Command | None) -> Shard:
    """Read the list of a shard; Damaged, which advises `again`, if it was changed, UserError if it cannot be read."""
    try:
        document = read_signed(folder / SHARD, FORMAT, ShardDocument, again)
        wkts = document["projections"]
        rows = tuple(_row(row, wkts) for row in document["records"])
        kept = Content(kind=document["kind"], bands=document["bands"], frames=document["frames"])
    except IndexError as error:
        raise Damaged(f"{folder / SHARD}: names a projection that it lacks; pack it again", again) from error
    except Damaged as error:
        raise Damaged(f"{error.fault}; pack it again", again) from error
    return Shard(content=kept, rows=rows)


def record_of(row: Row, content: Content, source: str) -> Record:
    """Record of a row; kept as ash colours, it is clipped."""
    return Record(row.id, row.split, source, clipped=content.kind == "ash")


def _document(row: Row, projections: dict[str, int]) -> dict[str, Any]:
    found = {key: getattr(row, key) for key in ("id", "split", "labelled", "labelers", "marked", "held", "absent")}
    found |= {"made_from": row.made_from, "digest": row.digest}
    if row.metadata:
        found |= {"time": row.metadata.time, "centre": row.metadata.centre}
        if grid := row.metadata.grid:
            number = projections.setdefault(grid.wkt, len(projections))
            found["grid"] = [number, grid.row_min, grid.row_size, grid.col_min, grid.col_size]
    return found


def _row(given: RowDocument, wkts: Sequence[str]) -> Row:
    metadata = None
    if "time" in given:
        grid = _grid(given["grid"], wkts) if "grid" in given else None
        metadata = Metadata(given["time"], given.get("centre"), grid)
    return Row(
        id=given["id"],
        split=given["split"],
        labelled=given["labelled"],
        labelers=given["labelers"],
        marked=given["marked"],
        held=given["held"],
        absent=given["absent"],
        made_from=given["made_from"],
        digest=given["digest"],
        metadata=metadata,
    )


def _grid(given: Sequence[Any], wkts: Sequence[str]) -> Grid:
    number, row_min, row_size, col_min, col_size = given
    return Grid(wkt=wkts[number], row_min=row_min, row_size=row_size, col_min=col_min, col_size=col_size)
