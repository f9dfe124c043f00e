"""Counts over every threshold and every min-pixels, exactly, one set per fold.

In: active pixels and a blend. Out: int64 counts of true positives and predicted pixels, so that the surface
of a training set is the sum over its folds and the Dice of any (threshold, min-pixels) can be read off.

`none` keeps every pixel at or above the threshold; `image` drops a record's whole mask when it has fewer
than k pixels; `component` drops 8-connected components of fewer than k. The components of ALL thresholds come
from one union-find sweep over each record's active pixels in descending level.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.errors import UnknownName
from ensemble.active import Active
from ensemble.blend import BINS, Table

MODES = ("none", "image", "component")
MOST_PIXELS = 400  # the largest k that is looked at
TASK_PIXELS = 200_000  # smaller pieces are not worth a thread's start

Counts2 = NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """A pixel is contrail where its bin is >= `bin` and its image or component keeps >= `k` pixels."""

    bin: int
    mode: str = "none"
    k: int = 0

    def __post_init__(self) -> None:
        check_mode(self.mode)


def check_mode(mode: str) -> None:
    """Raises UnknownName for a min-pixels mode that there is not."""
    if mode not in MODES:
        raise UnknownName("min-pixels mode", mode, MODES)


def curves(
    active: Active, weights: Sequence[int], by: Table, folds: Sequence[int] | None = None, jobs: int = 1
) -> Counts2:
    """Counts at every threshold of these folds, or of all: (folds, bins, 2) int64, true positives and pixels."""
    from ensemble.kernels import histogram

    wanted = range(len(active.folds)) if folds is None else folds
    counts = np.zeros((len(wanted), 2, BINS), np.int64)
    given = (np.asarray(weights, np.int64), by.entries.astype(np.int32), by.linear, by.shift)

    negative, positive = active.sides
    before = active.pointer - active.positives

    def task(first: int, last: int, part: Counts2) -> None:
        histogram(positive, *given, active.positives[first], active.positives[last], part[0])
        histogram(negative, *given, before[first], before[last], part[1])

    _add_up(active, task, dict(zip(wanted, counts)), jobs)
    above = counts[..., ::-1].cumsum(axis=-1)[..., ::-1]
    return np.stack([above[:, 0], above.sum(axis=1)], axis=-1)


def changes(
    active: Active,
    weights: Sequence[int],
    by: Table,
    mode: str,
    folds: Sequence[int],
    most: int = MOST_PIXELS,
    jobs: int = 1,
) -> Counts2:
    """How the counts change from threshold to threshold and from size to size: (bins, most + 1, 2) int64.

    Of these folds together. The changes of several parts may be added before `surface_of` sums them up, once.
    """
    from ensemble.kernels import sweep_components, sweep_images

    check_mode(mode)
    counts = np.zeros((1, BINS, most + 1, 2), np.int64)
    floor = by.floor_bin(active.eps)

    def task(first: int, last: int, part: Counts2) -> None:
        bins = bins_of(active, weights, by, first, last)
        at = (active.pointer, first, last)
        if mode == "component":
            sweep_components(bins, active.pixel, active.label, *at, *active.shape, floor, part)
        else:
            sweep_images(bins, active.label, *at, floor, part)

    _add_up(active, task, dict.fromkeys(folds, counts[0]), jobs)
    return counts[0]


def surface_of(changed: Counts2) -> Counts2:
    """Counts at every (threshold, k) from their changes: (bins, sizes, 2) int64.

    What changes at a threshold holds for all lower ones; what has at least k pixels counts for every k below.
    Rows under `by.floor_bin(active.eps)` repeat that bin's row: they are no candidates.
    """
    counts = np.empty_like(changed)
    np.cumsum(changed[::-1], axis=0, out=counts[::-1])
    np.cumsum(counts[:, ::-1], axis=1, out=counts[:, ::-1])
    return counts


def record_counts(active: Active, weights: Sequence[int], by: Table, cut: Cut, fold: int | None = None) -> Counts2:
    """Counts per record at one cut, (n, 3) int64: true positives, predicted, truth; of one fold or of all."""
    from ensemble.kernels import count_components, count_images

    first, last = (0, len(active.record_ids)) if fold is None else active.records_of(fold)
    out = np.zeros((last - first, 3), np.int64)
    out[:, 2] = active.truth[first:last]
    kept = np.zeros((last - first, 2), np.int64)
    bins = bins_of(active, weights, by, first, last)
    at = (active.pointer, first, last)
    if cut.mode == "component":
        count_components(bins, active.pixel, active.label, *at, *active.shape, cut.bin, cut.k, kept)
    else:
        count_images(bins, active.label, *at, cut.bin, 0 if cut.mode == "none" else cut.k, kept)
    out[:, :2] = kept
    return out


def bins_of(active: Active, weights: Sequence[int], by: Table, first: int, last: int) -> NDArray[np.uint16]:
    """Bins of the active pixels of records first to last: (p,) uint16."""
    from ensemble.kernels import blend_bins

    start, stop = active.pointer[first], active.pointer[last]
    out = np.empty(int(stop - start), np.uint16)
    given = (np.asarray(weights, np.int64), by.entries.astype(np.int32), by.linear, by.shift)
    blend_bins(active.values, *given, start, stop, out)
    return out


def dice_of(counts: Counts2, truth: int) -> NDArray[np.float64]:
    """Dice of counts (..., 2) beside `truth` pixels of truth; 1.0 where there is nothing at all."""
    total = counts[..., 1] + truth
    return np.where(total > 0, 2 * counts[..., 0] / np.maximum(total, 1), 1.0)


def best_cut(counts: Counts2, truth: int, floor: int, mode: str) -> tuple[Cut, float]:
    """The cut of highest Dice in counts (bins, 2) or (bins, sizes, 2), and that Dice.

    Of equal ones the smallest k, then the lowest threshold; bins under `floor` are no candidates.
    """
    flat = counts[:, None] if counts.ndim == 2 else counts
    dice = dice_of(flat[floor:], truth)
    k, row = np.unravel_index(int(np.argmax(dice.T)), dice.T.shape)
    return Cut(int(row) + floor, mode, int(k)), float(dice[row, k])


def _add_up(
    active: Active,
    task: Callable[[int, int, Counts2], None],
    counts: Mapping[int, Counts2],
    jobs: int,
) -> None:
    """Have `task(first, last, counts)` add the folds' pieces to counts[fold], in threads where that pays."""
    pieces = [piece for fold in counts for piece in _pieces(active, fold, jobs)]
    if jobs == 1 or len(active.pixel) < TASK_PIXELS:
        for fold, first, last in pieces:
            task(first, last, counts[fold])
        return

    def apart(piece: tuple[int, int, int]) -> Counts2:
        part = np.zeros_like(counts[piece[0]])
        task(piece[1], piece[2], part)
        return part

    with ThreadPoolExecutor(jobs) as pool:
        for piece, part in zip(pieces, pool.map(apart, pieces)):
            counts[piece[0]][...] += part


def _pieces(active: Active, fold: int, jobs: int) -> list[tuple[int, int, int]]:
    first, last = active.records_of(fold)
    pixels = int(active.pointer[last] - active.pointer[first])
    parts = min(jobs, max(1, pixels // TASK_PIXELS), last - first)
    edges = np.linspace(first, last, parts + 1).astype(int)
    return [(fold, int(low), int(high)) for low, high in pairwise(edges)]
