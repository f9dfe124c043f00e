"""Active pixels: those where at least one member reaches `eps`, with their labels, in one CSR structure.

In: dense uint8 maps and masks, a few records at a time. Out: `Active`. Weights are non-negative with a fixed sum, so
all other pixels lie below every candidate threshold: counts over the active pixels are exact, and hundreds of millions
of pixels become a few million. Stays outside: files, thresholds, weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError

EPS = 26  # p >= 0.102; the thresholds of members worth blending lie far above
HIGHEST_EPS = 77  # p >= 0.302; thresholds of good members begin about here
SMALL = 1 << 16  # pixels of a map that a uint16 can number


@dataclass(frozen=True, eq=False, kw_only=True)
class Active:
    """Active pixels of records in the order of their folds.

    pointer: (n + 1,) int64, the pixels of record r are pointer[r] to pointer[r + 1]
    pixel: (p,) row * width + column, uint16, or uint32 for maps of more than 65,536 pixels
    label: (p,) uint8, 0 or 1; values: (members, p) uint8
    truth: (n,) int64, mask pixels of a record, active or not; fold: (n,) int64, index into `folds`, ascending
    """

    members: tuple[str, ...]
    record_ids: tuple[str, ...]
    folds: tuple[int, ...]
    fold: NDArray[np.int64]
    pointer: NDArray[np.int64]
    pixel: NDArray[np.uint16 | np.uint32]
    label: NDArray[np.uint8]
    values: NDArray[np.uint8]
    truth: NDArray[np.int64]
    eps: int
    shape: tuple[int, int]

    @property
    def share(self) -> float:
        """Share of all pixels that are active."""
        everything = len(self.record_ids) * self.shape[0] * self.shape[1]
        return len(self.pixel) / everything if everything else 0.0

    @cached_property
    def constant(self) -> tuple[int, ...]:
        """Members with a single value in all pixels read, which cannot be thresholded."""
        if not len(self.pixel):
            return ()
        lows, highs = self.values.min(axis=1), self.values.max(axis=1)
        # A value of eps or more makes a pixel active: elsewhere, the member has another one.
        same = (lows == highs) & ((highs < self.eps) | (self.share == 1))
        return tuple(int(member) for member in np.flatnonzero(same))

    def records_of(self, fold: int) -> tuple[int, int]:
        """First record of the fold with this index, and the first after it."""
        low, high = self.edges[fold].tolist()
        return low, high

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """First record of each fold, and the first after it: (folds, 2)."""
        numbers = np.arange(len(self.folds))
        return np.stack([np.searchsorted(self.fold, numbers), np.searchsorted(self.fold, numbers + 1)], axis=1)

    @cached_property
    def sides(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Values of the negative and of the positive pixels, (members, p) each, in order."""
        found = []
        for side in (self.label == 0, self.label != 0):
            values = np.empty((len(self.values), np.count_nonzero(side)), np.uint8)
            for row, out in zip(self.values, values):
                np.compress(side, row, out=out)
            found.append(values)
        return found[0], found[1]

    @cached_property
    def positives(self) -> NDArray[np.int64]:
        """Positive pixels before each record, (n + 1,): the pointer into the second of `sides`."""
        return np.searchsorted(np.flatnonzero(self.label), self.pointer).astype(np.int64)


Chunk = tuple[Sequence[str], NDArray[np.uint8], NDArray[np.bool_]]


def find_active(
    chunks: Iterable[Chunk],
    members: Sequence[str],
    fold_of: Mapping[str, int],
    eps: int = EPS,
    most: int | None = None,
) -> Active:
    """Gather the active pixels of chunks (ids, maps (members, n, H, W) uint8, masks (n, H, W) bool).

    The chunks must come fold by fold and are dropped one after another, so that memory does not grow with the dense
    maps. Where there are more than `most` active pixels, eps rises until there are not: counts stay exact, for fewer
    candidate thresholds.
    Raises UserError if there is no record, if maps differ in size, or if `HIGHEST_EPS` still leaves too many pixels.
    """
    if not 0 <= eps <= 255:
        raise ValueError(f"eps {eps}: is a uint8 value")
    gathered: list[_Gathered] = []
    for chunk in chunks:
        gathered.append(_gather(*chunk, eps))
        while most is not None and sum(len(part.pixel) for part in gathered) > most:
            eps = _raised(eps, most)
            gathered = [part.above(eps) for part in gathered]
    if not gathered:
        raise UserError("no record is covered by all members; nothing can be fitted")
    if len({part.shape for part in gathered}) > 1:
        raise UserError(f"the maps have several sizes: {sorted({part.shape for part in gathered})}; give one size")
    ids = tuple(record for chunk in gathered for record in chunk.ids)
    numbers = np.array([fold_of[record] for record in ids], dtype=np.int64)
    if (np.diff(numbers) < 0).any():
        raise ValueError("records must come fold by fold")
    folds, fold = np.unique(numbers, return_inverse=True)
    lengths = np.concatenate([chunk.lengths for chunk in gathered])
    return Active(
        members=tuple(members),
        record_ids=ids,
        folds=tuple(int(number) for number in folds),
        fold=fold.astype(np.int64),
        pointer=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        pixel=np.concatenate([chunk.pixel for chunk in gathered]),
        label=np.concatenate([chunk.label for chunk in gathered]),
        values=np.concatenate([chunk.values for chunk in gathered], axis=1),
        truth=np.concatenate([chunk.truth for chunk in gathered]),
        eps=eps,
        shape=gathered[0].shape,
    )


@dataclass(frozen=True, eq=False)
class _Gathered:
    ids: tuple[str, ...]
    lengths: NDArray[np.int64]
    pixel: NDArray[np.uint16 | np.uint32]
    label: NDArray[np.uint8]
    values: NDArray[np.uint8]
    truth: NDArray[np.int64]
    shape: tuple[int, int]

    def above(self, eps: int) -> _Gathered:
        """Keep the pixels of a higher eps."""
        kept = self.values.max(axis=0) >= eps
        record = np.repeat(np.arange(len(self.ids)), self.lengths)[kept]
        return replace(
            self,
            lengths=np.bincount(record, minlength=len(self.ids)).astype(np.int64),
            pixel=self.pixel[kept],
            label=self.label[kept],
            values=self.values[:, kept],
        )


def _raised(eps: int, most: int) -> int:
    if eps >= HIGHEST_EPS:
        raise UserError(
            f"more than {most} pixels where a member gives {eps / 255:.2f} or more: too many for --max-ram; "
            "raise it, or give fewer members"
        )
    return min(HIGHEST_EPS, eps + max(1, eps // 5))


def _gather(ids: Sequence[str], maps: NDArray[np.uint8], masks: NDArray[np.bool_], eps: int) -> _Gathered:
    members, records, height, width = maps.shape
    if maps.dtype != np.uint8 or masks.shape != (records, height, width) or len(ids) != records:
        raise ValueError(f"maps {maps.dtype} {maps.shape} and masks {masks.shape} of {len(ids)} records")
    where = np.flatnonzero(maps.max(axis=0) >= eps)
    record, pixel = np.divmod(where, height * width)
    return _Gathered(
        ids=tuple(ids),
        lengths=np.bincount(record, minlength=records).astype(np.int64),
        pixel=pixel.astype(np.uint16 if height * width <= SMALL else np.uint32),
        label=masks.reshape(-1)[where].astype(np.uint8),
        values=np.stack([maps[m].reshape(-1)[where] for m in range(members)]),
        truth=masks.sum(axis=(1, 2)).astype(np.int64),
        shape=(height, width),
    )
