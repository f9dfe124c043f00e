"""Members' out-of-fold maps with their masks, and the active pixels in them.

In: readers of maps and masks, wherever these lie. Out: `Active` pixels, gathered a few records at a time: memory does
not grow with the dense maps. Stays outside: files (`ensemble.loading`), arrays in memory (`ensemble.arrays`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.listener import SILENT, Listener
from ensemble.active import EPS, Active, Chunk, find_active

BASE_BYTES = 0.7e9  # of libraries, compiled code, curves and surfaces
CHUNK_BYTES = 1e7  # of a shard of one member's maps, twice
LOWER_EPS = (10, 4, 1)  # tried in turn if thresholds lie below EPS
LOW_RAM = 4.0  # GB that pixels below EPS may take without max_ram


@dataclass(frozen=True, kw_only=True, eq=False)
class OutOfFold:
    """Records that all members predicted out of fold, with readers of their maps and masks.

    record_ids: in the order of their folds; fold_of and group_of: of each record
    read_maps: ids -> (members, n, H, W) uint8, probability * 255; read_masks: ids -> (n, H, W) bool
    chunk: records that are read at once
    """

    members: tuple[str, ...]
    record_ids: tuple[str, ...]
    fold_of: Mapping[str, int]
    group_of: Mapping[str, str]
    read_maps: Callable[[Sequence[str]], NDArray[np.uint8]]
    read_masks: Callable[[Sequence[str]], NDArray[np.bool_]]
    chunk: int = 64

    def chunks(self, listener: Listener) -> Iterator[Chunk]:
        """Read the records a few at a time: ids, maps, masks."""
        for start in range(0, len(self.record_ids), self.chunk):
            ids = self.record_ids[start : start + self.chunk]
            yield ids, self.read_maps(ids), self.read_masks(ids)
            listener.advance(len(ids))


def gather(records: OutOfFold, eps: int = EPS, max_ram: float | None = None, listener: Listener = SILENT) -> Active:
    """Read the active pixels of records; where they do not fit into memory, the lowest are left out.

    max_ram: GB; without it, pixels below `EPS` may take `LOW_RAM`. listener: advances by records
    Raises UsageError if `max_ram` is too small for any pixel, UserError if even the highest do not fit.
    """
    most = _most_pixels(len(records.members), eps, max_ram)
    return find_active(records.chunks(listener), records.members, records.fold_of, eps, most)


def lower_eps(active: Active, asked: int, max_ram: float | None = None) -> int | None:
    """Choose the next lower eps to gather from; None if `asked` was the lowest, or if memory holds no more pixels."""
    lower = next((eps for eps in LOWER_EPS if eps < asked), None)
    if lower is None or active.eps != asked:
        return None
    most = _most_pixels(len(active.members), lower, max_ram)
    return lower if most is None or len(active.pixel) <= most else None


def _most_pixels(members: int, eps: int, max_ram: float | None) -> int | None:
    """Number of active pixels that fit into memory; None: not bounded."""
    ram = max_ram or (None if eps == EPS else LOW_RAM)
    if ram is None:
        return None
    base = BASE_BYTES + members * CHUNK_BYTES
    # While they are joined, pixels are in memory twice: their values, number and label.
    most = int((ram * 1e9 - base) / (2 * (members + 3)))
    if most < 1:
        raise UsageError(f"--max-ram {ram:g}: a fit needs {base / 1e9:.1f} GB before any pixel")
    return most
