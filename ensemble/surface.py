"""Counts at every threshold and every min-pixels, exact, one set per fold.

In: active pixels and a blend. Out: int64 counts of true positives and predicted pixels. The surface of a training set
is the sum over its folds, and the Dice of any (threshold, min-pixels) is read off it. The counts of all cuts come from
one sweep over each record's active pixels in descending level, as `ensemble.min_pixels` defines.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.jobs import thread_pool
from ensemble.active import Active
from ensemble.blend import BINS, Table
from ensemble.min_pixels import MIN_PIXELS, NONE

MOST_PIXELS = 400  # largest k that is counted
TASK_PIXELS = 200_000  # smaller pieces do not repay the start of a thread

Counts2 = NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """Cut of a blend: a pixel is foreground if its bin is >= `bin` and its image or component has `k` such pixels.

    lowest: lowest bin of the plateau that `bin` is the middle of; None: `bin` alone
    """

    bin: int
    mode: str = NONE
    k: int = 0
    lowest: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        MIN_PIXELS.require(self.mode, NONE)


def curves(
    active: Active, weights: Sequence[int], by: Table, folds: Sequence[int] | None = None, jobs: int = 1
) -> Counts2:
    """Count at every threshold, for each of these folds or of all.

    returns: (folds, bins, 2) int64, true positives and predicted pixels
    """
    from ensemble.kernels import histogram, histograms, pixels_above

    wanted = range(len(active.folds)) if folds is None else folds
    counts = np.zeros((len(wanted), 2, BINS), np.int64)
    given = (np.asarray(weights, np.int64), by.entries.astype(np.int32), by.linear, by.shift)

    negative, positive = active.sides
    before = active.pointer - active.positives

    def task(first: int, last: int, part: Counts2) -> None:
        histogram(positive, *given, active.positives[first], active.positives[last], part[0])
        histogram(negative, *given, before[first], before[last], part[1])

    if _is_small(active, jobs):
        edges = active.edges[list(wanted)]
        histograms(positive, *given, active.positives[edges], counts[:, 0])
        histograms(negative, *given, before[edges], counts[:, 1])
    else:
        _add_up(active, task, dict(zip(wanted, counts)), jobs)
    above = np.empty((len(wanted), BINS, 2), np.int64)
    pixels_above(counts, above)
    return above


def changes(
    active: Active,
    weights: Sequence[int],
    by: Table,
    mode: str,
    folds: Sequence[int],
    most: int = MOST_PIXELS,
    jobs: int = 1,
) -> Counts2:
    """Count how these folds' counts change from threshold to threshold and from size to size.

    The changes of several parts may be added before `surface_of` sums them up, once.
    returns: (bins, most + 1, 2) int64
    """
    sweep = MIN_PIXELS.get(mode).sweep
    counts = np.zeros((1, BINS, most + 1, 2), np.int64)
    floor = by.floor_bin(active.eps)

    def task(first: int, last: int, part: Counts2) -> None:
        sweep(active, bins_of(active, weights, by, first, last), first, last, floor, part)

    _add_up(active, task, dict.fromkeys(folds, counts[0]), jobs)
    return counts[0]


def surface_of(changed: Counts2) -> Counts2:
    """Sum changes up to the counts at every (threshold, k): (bins, sizes, 2) int64.

    A change at one threshold holds for all lower ones, and a component of k pixels counts for every smaller k.
    Rows below `by.floor_bin(active.eps)` repeat that bin's row: they are no candidates.
    """
    counts = np.empty_like(changed)
    np.cumsum(changed[::-1], axis=0, out=counts[::-1])
    np.cumsum(counts[:, ::-1], axis=1, out=counts[:, ::-1])
    return counts


def record_counts(
    active: Active, weights: Sequence[int], by: Table, cut: Cut, fold: int | None = None
) -> NDArray[np.int64]:
    """Count each record of one fold, or of all, at one cut: (n, 3) int64, true positives, predicted, truth."""
    first, last = (0, len(active.record_ids)) if fold is None else active.records_of(fold)
    kept = np.zeros((last - first, 2), np.int64)
    bins = bins_of(active, weights, by, first, last)
    # Without min-pixels an image keeps whatever it has.
    mode, k = ("image", 0) if cut.mode == NONE else (cut.mode, cut.k)
    MIN_PIXELS.get(mode).count(active, bins, first, last, cut.bin, k, kept)
    return np.column_stack([kept, active.truth[first:last]])


def bins_of(active: Active, weights: Sequence[int], by: Table, first: int, last: int) -> NDArray[np.uint16]:
    """Blend the active pixels of records `first` to `last` into bins: (p,) uint16."""
    from ensemble.kernels import blend_bins

    start, stop = active.pointer[first], active.pointer[last]
    out = np.empty(int(stop - start), np.uint16)
    given = (np.asarray(weights, np.int64), by.entries.astype(np.int32), by.linear, by.shift)
    blend_bins(active.values, *given, start, stop, out)
    return out


def dice_of(counts: Counts2, truth: int) -> NDArray[np.float64]:
    """Dice of counts (..., 2) with `truth` foreground pixels; 0 if both are empty, so that 0/0 is never the highest."""
    return 2 * counts[..., 0] / np.maximum(counts[..., 1] + truth, 1)


def best_cut(counts: Counts2, truth: int, floor: int, mode: str) -> tuple[Cut, float]:
    """Find the cut of highest Dice in counts (bins, 2) or (bins, sizes, 2), and that Dice.

    Ties go to the smallest k, then to the middle of the first run of tied thresholds: at its edges, the next pixel of
    another record would change the mask. Bins below `floor` are no candidates.
    """
    flat = counts[:, None] if counts.ndim == 2 else counts
    dice = dice_of(flat[floor:], truth)
    k, row = np.unravel_index(int(np.argmax(dice.T)), dice.T.shape)
    best = dice[row, k]
    worse = np.flatnonzero(dice[row:, k] < best)
    tied = int(worse[0]) if len(worse) else len(dice) - int(row)
    lowest = int(row) + floor
    return Cut(lowest + (tied - 1) // 2, mode, int(k), lowest), float(best)


def _add_up(
    active: Active,
    task: Callable[[int, int, Counts2], None],
    counts: Mapping[int, Counts2],
    jobs: int,
) -> None:
    """Run `task(first, last, counts)` over the folds' records, in threads where that pays; it adds to counts[fold]."""
    pieces = [piece for fold in counts for piece in _pieces(active, fold, jobs)]
    if _is_small(active, jobs):
        for fold, first, last in pieces:
            task(first, last, counts[fold])
        return

    def apart(piece: tuple[int, int, int]) -> Counts2:
        part = np.zeros_like(counts[piece[0]])
        task(piece[1], piece[2], part)
        return part

    with thread_pool(jobs) as pool:
        for piece, part in zip(pieces, pool.map(apart, pieces)):
            counts[piece[0]][...] += part


def _is_small(active: Active, jobs: int) -> bool:
    """True if a single thread counts all pixels."""
    return jobs == 1 or len(active.pixel) < TASK_PIXELS


def _pieces(active: Active, fold: int, jobs: int) -> list[tuple[int, int, int]]:
    first, last = active.records_of(fold)
    pixels = int(active.pointer[last] - active.pointer[first])
    parts = min(jobs, max(1, pixels // TASK_PIXELS), last - first)
    edges = np.linspace(first, last, parts + 1).astype(int)
    return [(fold, int(low), int(high)) for low, high in pairwise(edges)]
