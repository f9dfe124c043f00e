"""The nouns of the data: a record, the metadata of one, and what every source can do.

A record is one scene: eight frames, ten minutes apart, of infrared bands, 256 x 256; its label belongs to the
fifth frame. Its id is a string, always: nineteen digits do not survive a float.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SIZE = 256
FRAMES = 8
LABELLED = 5  # frames are t1 to t8; the label belongs to this one
BANDS = tuple(range(8, 17))
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Layout = Literal["competition", "ash-colour"]


@dataclass(frozen=True)
class Record:
    """Which scene, and where it comes from."""

    id: str
    split: Split
    source: str
    clipped: bool = False  # kelvins come of the ash image: exact only where that is not clipped


def in_order(records: Iterable[Record]) -> tuple[Record, ...]:
    """Records sorted by (split, id): the order everywhere, whatever the order of a directory."""
    return tuple(sorted(records, key=attrgetter("split", "id")))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the pixels lie in a projection, metres: the outer corner of pixel (0, 0) and the step to the next."""

    wkt: str  # of the projection
    row_min: float
    row_size: float  # negative: rows count southwards
    col_min: float
    col_size: float


@dataclass(frozen=True)
class Metadata:
    """When a scene was seen, seconds since 1970 UTC; its centre, degrees north and east; its pixels' grid."""

    time: float
    centre: tuple[float, float] | None
    grid: Grid | None = None


class Source(Protocol):
    """A directory in a known layout. Every method may raise a UserError that names record and path."""

    @property
    def root(self) -> Path: ...

    @property
    def name(self) -> str: ...

    @property
    def layout(self) -> Layout: ...

    def records(self) -> tuple[Record, ...]:
        """Every record, sorted by (split, id) whatever the order of the directory."""

    def path(self, record: Record) -> Path:
        """The folder or file that holds the record."""

    def mask_path(self, record: Record) -> Path:
        """The file that holds the label of a labelled record."""

    def has_mask(self, record: Record) -> bool:
        """Whether the record is labelled; reads no array."""

    def has_labelers(self, record: Record) -> bool:
        """Whether it is known what each labeler marked; reads no array."""

    def bands(self, record: Record) -> tuple[int, ...]:
        """The numbers of the bands that the record holds; reads no array."""

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        """The frames (1 to 8) that every one of `bands` holds, by a glance at each band's first pixel."""

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        """Brightness temperature, kelvin: (len(bands), len(frames), 256, 256); frames are 1 to 8.

        A frame that the record does not hold is NaN; the labelled frame is always held.
        """

    def mask(self, record: Record) -> NDArray[np.bool_]:
        """The label of the fifth frame: (256, 256)."""

    def labelers(self, record: Record) -> NDArray[np.bool_] | None:
        """What each labeler marked: (R, 256, 256), or None where that is not known."""

    def metadata(self) -> Mapping[str, Metadata]:
        """Time and place by record id, as far as known; maybe empty, maybe of records that are not here."""
