"""Nouns of the data: a record, its metadata, what a check finds in it, and what every source can do.

A record is one scene: eight frames, ten minutes apart, of infrared bands, 256 x 256; its label belongs to the
fifth frame. Its id is a string, always: nineteen digits do not survive a float.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.data.arrays import REPAIR

if TYPE_CHECKING:
    from zoo.data.shards import Stored

SIZE = 256
FRAMES = 8
LABELLED = 5  # frames are t1 to t8; the label belongs to this one
BANDS = tuple(range(8, 17))
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SAMPLE_NAME = "sample_submission.csv"  # beside the records: the order of the test records in a submission


@dataclass(frozen=True)
class Record:
    """One scene: its id, its split and the name of its source."""

    id: str
    split: Split
    source: str
    clipped: bool = False  # kelvins come from an ash image: exact only where that is not clipped


ExpectedFiles = Mapping[Record, frozenset[str]]  # names of the files that a record should hold


def sorted_records(records: Iterable[Record]) -> tuple[Record, ...]:
    """Records sorted by (split, id): the order everywhere, whatever the order of a directory."""
    return tuple(sorted(records, key=attrgetter("split", "id")))


def evenly_spread(records: Sequence[Record], most: int) -> list[Record]:
    """Choose at most `most` of the records, evenly spread over their order."""
    step = max(1.0, len(records) / most)
    return [records[int(number * step)] for number in range(min(most, len(records)))]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Pixel grid in a projection, metres: the outer corner of pixel (0, 0) and the step to the next pixel."""

    wkt: str  # of the projection
    row_min: float
    row_size: float  # negative: rows count southwards
    col_min: float
    col_size: float


@dataclass(frozen=True)
class Metadata:
    """Time of a scene, seconds since 1970 UTC; its centre, degrees north and east; its pixel grid."""

    time: float
    centre: tuple[float, float] | None
    grid: Grid | None = None


@dataclass(frozen=True)
class Fault:
    """Fault of one file and what to do about it; `record` is empty if it concerns the whole source."""

    record: str
    path: Path
    what: str
    todo: str = REPAIR

    def __str__(self) -> str:
        name = f"record {self.record}: " if self.record else ""
        return f"{name}{self.path}: {self.what}; {self.todo}"

    def as_dict(self) -> dict[str, str]:
        """Fault as a JSON object."""
        return {"record": self.record, "path": str(self.path), "what": self.what, "todo": self.todo}


@dataclass(frozen=True)
class Finding:
    """Result of checking one record.

    files: how many it holds. bands: those it holds. absent: the (band, frame) pairs it does not hold. labelled: whether
    it has a mask.
    """

    record: Record
    files: int
    bands: tuple[int, ...]
    absent: tuple[tuple[int, int], ...]
    labelled: bool
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Source(ABC):
    """Directory in a known layout. Every method may raise a UserError that names record and path.

    root: the directory. name: what tells it from other sources. packed: whether `cli data pack` wrote it, so that a
    batch is read at once, from the page cache.
    """

    root: Path
    name: str
    packed: ClassVar[bool] = False

    @abstractmethod
    def records(self) -> tuple[Record, ...]:
        """All records, sorted by (split, id) whatever the order of the directory."""

    @abstractmethod
    def path(self, record: Record) -> Path:
        """Folder or file that holds the record."""

    def mask_path(self, record: Record) -> Path:
        """File that holds the label of a labelled record."""
        return self.path(record)

    @abstractmethod
    def has_mask(self, record: Record) -> bool:
        """True if there is a label, readable or not; reads no array."""

    def has_labelers(self, record: Record) -> bool:
        """True if the marks of each labeler are known; reads no array."""
        return False

    @abstractmethod
    def bands(self, record: Record) -> tuple[int, ...]:
        """Numbers of the bands that the record holds; reads no array."""

    @abstractmethod
    def files(self, record: Record, bands: Sequence[int]) -> tuple[Path, ...]:
        """Files that hold these bands."""

    @abstractmethod
    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        """Frames (1 to 8) that every one of `bands` holds; reads the first pixel of each band."""

    @abstractmethod
    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        """Brightness temperature, kelvin: (len(bands), len(frames), 256, 256); frames are 1 to 8.

        A frame that the record does not hold is NaN; the labelled frame is always held.
        """

    def colours(self, record: Record, frames: Sequence[int]) -> NDArray[np.float32] | None:
        """Clipped ash colours, (3, len(frames), 256, 256), NaN where a frame is absent; None if they are not kept."""
        return None

    def stored(self, records: Sequence[Record], bands: Sequence[int] | None, frames: Sequence[int]) -> "Stored | None":
        """Stored values of records, in their order: one copy each and nothing else.

        bands: those to take of kelvins, None for ash colours. None if the records are not stored alike, or not so, or
        lack a frame.
        """
        return None

    @abstractmethod
    def mask(self, record: Record) -> NDArray[np.bool_]:
        """Label of the fifth frame: (256, 256)."""

    def masks(self, records: Sequence[Record]) -> NDArray[np.bool_]:
        """Labels of records, (n, 256, 256)."""
        return np.stack([self.mask(record) for record in records])

    def labelers(self, record: Record) -> NDArray[np.bool_] | None:
        """Marks of each labeler: (R, 256, 256), or None if they are not known."""
        return None

    def thumbnails(self, record: Record) -> NDArray[np.float32] | None:
        """Thumbnails (`zoo.data.thumbnails`) of the ash bands of all frames that the record held; None if not kept."""
        return None

    def metadata(self) -> Mapping[tuple[Split, str], Metadata]:
        """Time and place by split and record id; may be empty or name absent records."""
        return {}

    def faults(self) -> tuple[Fault, ...]:
        """Faults for which a record or its metadata is left out: broken links, invalid entries."""
        return ()

    @abstractmethod
    def expected_files(self) -> ExpectedFiles:
        """Files that each record should hold."""

    @abstractmethod
    def check(self, record: Record, expected: frozenset[str]) -> Finding:
        """Check every file of a record; a fault is reported, not raised."""
