"""Counts of any blend, each computed once, and the part of them that a fit may see.

`BlendCounts` keeps what it has counted, since searches and cross-fitting ask for the same weights again and again.
`TrainingSet` shows the counts without the held-out folds; weight methods and cuts get nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.jobs import job_count
from ensemble.active import Active
from ensemble.blend import BINS, Blend, table, whole_weights
from ensemble.compiling import ensure_compiled
from ensemble.min_pixels import NONE
from ensemble.surface import MOST_PIXELS, Cut, best_cut, changes, curves, record_counts, surface_of

PARTS_KEPT = 12  # of surfaces, 6.5 MB each
CURVES_KEPT = 10_000  # of blends on a fold, 8 kB each
LARGEST_SHARE = 8  # min-pixels are at most an eighth of a map
T = TypeVar("T")
Counts3 = NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """Choice of a blend and of its cut: all that turns maps into masks."""

    blend: Blend
    cut: Cut

    @property
    def threshold(self) -> float:
        """Threshold as a probability."""
        return self.blend.probability(self.cut.bin)


class BlendCounts:
    """Counts per fold of any blend of these active pixels.

    groups: the scene group of every record; without them, each record is its own. jobs: threads.
    Raises UserError if a scene group is in two folds, or if no pixel is positive.
    """

    def __init__(self, active: Active, groups: Sequence[str] = (), jobs: int | None = None) -> None:
        ensure_compiled()
        self.active = active
        self.jobs = job_count(jobs)
        self.group_names = tuple(groups or active.record_ids)
        self.groups: NDArray[np.int64] = np.unique(self.group_names, return_inverse=True)[1].astype(np.int64)
        self.truth = np.bincount(active.fold, weights=active.truth, minlength=len(active.folds))
        self._curves: OrderedDict[Blend, tuple[NDArray[np.int32 | np.int64], set[int]]] = OrderedDict()
        self._parts: OrderedDict[tuple[Blend, str, int], NDArray[np.int64]] = OrderedDict()
        self._kept: dict[Hashable, object] = {}
        if not self.truth.any():
            raise UserError(
                f"none of the {len(active.record_ids)} records has a positive pixel: no Dice can be computed"
            )
        self._refuse_leaks()

    @property
    def folds(self) -> tuple[int, ...]:
        """Indices of all folds."""
        return tuple(range(len(self.active.folds)))

    def total(self, blend: Blend, mode: str = NONE, folds: Sequence[int] | None = None) -> NDArray[np.int64]:
        """Count these folds together, or all of them, at every cut of a mode.

        returns: (bins, 2) without min-pixels, else (bins, most + 1, 2): true positives and predicted pixels
        """
        wanted = self.folds if folds is None else folds
        if mode == NONE:
            return np.asarray(self._curves_of(blend, wanted)[list(wanted)].sum(axis=0, dtype=np.int64))
        parts = [self._changes(blend, mode, fold) for fold in wanted]
        return surface_of(sum(parts[1:], parts[0]))

    def _curves_of(self, blend: Blend, wanted: Sequence[int]) -> NDArray[np.int32 | np.int64]:
        """Count at every threshold, (folds, bins, 2): at least the wanted folds, the others may be 0."""
        found = self._curves.get(blend)
        if found is None:
            kind = np.int32 if len(self.active.pixel) < 1 << 31 else np.int64
            found = self._curves[blend] = (np.zeros((len(self.folds), BINS, 2), kind), set())
            while len(self._curves) > max(1, CURVES_KEPT // len(self.folds)):
                self._curves.popitem(last=False)
        self._curves.move_to_end(blend)
        counts, known = found
        missing = [fold for fold in wanted if fold not in known]
        if missing:
            counts[missing] = curves(self.active, blend.weights, table(blend.table), missing, self.jobs)
            known.update(missing)
        return counts

    def _changes(self, blend: Blend, mode: str, fold: int) -> NDArray[np.int64]:
        key = (blend, mode, fold)
        if key not in self._parts:
            while len(self._parts) >= PARTS_KEPT:
                self._parts.popitem(last=False)
            given = (self.active, blend.weights, table(blend.table), mode, [fold])
            most = min(MOST_PIXELS, self.active.shape[0] * self.active.shape[1] // LARGEST_SHARE)
            self._parts[key] = changes(*given, most, self.jobs)
        self._parts.move_to_end(key)
        return self._parts[key]

    def records(self, choice: Choice, folds: Sequence[int] | None = None) -> NDArray[np.int64]:
        """Count each record of these folds in order, or of all, at the cut of a choice: (n, 3)."""
        given = (self.active, choice.blend.weights, table(choice.blend.table), choice.cut)
        if folds is None:
            return record_counts(*given)
        return np.concatenate([record_counts(*given, fold=fold) for fold in folds])

    def groups_of(self, folds: Sequence[int]) -> NDArray[np.int64]:
        """Number of the scene group of every record of these folds, in order."""
        return np.concatenate([self.groups[slice(*self.active.records_of(fold))] for fold in folds])

    def is_lowest(self, choice: Choice) -> bool:
        """True if the threshold ties with the lowest candidate, so that a lower one might be better."""
        cut = choice.cut
        return (cut.bin if cut.lowest is None else cut.lowest) <= self.floor(choice.blend)

    def floor(self, blend: Blend) -> int:
        """Lowest bin that is a candidate for a threshold: only active pixels reach it."""
        return blend.floor(self.active.eps)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returned at the first call with this key."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]

    def _refuse_leaks(self) -> None:
        pairs = np.unique(np.stack([self.groups, self.active.fold]), axis=1)
        groups, often = np.unique(pairs[0], return_counts=True)
        if (often > 1).any():
            name = self.group_names[int(np.flatnonzero(self.groups == groups[often > 1][0])[0])]
            numbers = [self.active.folds[fold] for fold in pairs[1][pairs[0] == groups[often > 1][0]]]
            where = " and ".join(f"fold {number}" for number in numbers)
            raise UserError(f"scene group {name} is in {where}: it would be scored by a choice that saw it")


class TrainingSet:
    """Folds and members that a fit may see."""

    def __init__(self, counts: BlendCounts, folds: Sequence[int], members: Sequence[int] | None = None) -> None:
        if not folds:
            raise ValueError("nothing to train on")
        self.counts = counts
        self.folds = tuple(folds)
        self.members = tuple(range(len(counts.active.members))) if members is None else tuple(members)
        self.truth = int(counts.truth[list(folds)].sum())

    @property
    def size(self) -> int:
        """Number of members."""
        return len(self.members)

    def without(self, fold: int) -> TrainingSet:
        """Leave one fold out."""
        return TrainingSet(self.counts, [kept for kept in self.folds if kept != fold], self.members)

    def blend(
        self, shares: Sequence[float] | NDArray[np.float64], table_name: str = "identity", unit: int = 1
    ) -> Blend:
        """Blend the visible members by shares (size,), in multiples of `unit`; the others get no weight."""
        everyone = np.zeros(len(self.counts.active.members))
        everyone[list(self.members)] = shares
        return Blend(whole_weights(everyone, unit), table_name)

    def dice(self, blend: Blend) -> float:
        """Best Dice over all thresholds, without min-pixels."""
        return self.cut(blend, NONE)[1]

    def among(self, members: Sequence[int]) -> TrainingSet:
        """Show only these members, on the same folds."""
        return TrainingSet(self.counts, self.folds, members)

    def cut(self, blend: Blend, mode: str) -> tuple[Cut, float]:
        """Find the best cut of a mode and its Dice."""
        return self.counts.once(("cut", blend, mode, self.folds), lambda: self._cut(blend, mode))

    def _cut(self, blend: Blend, mode: str) -> tuple[Cut, float]:
        counts = self.counts.total(blend, mode, self.folds)
        return best_cut(counts, self.truth, self.counts.floor(blend), mode)

    def pixels(self, most: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values (members, p) / 255 and labels (p,) of the active pixels, thinned evenly to `most`."""
        active = self.counts.active
        spans = np.array([active.pointer[list(active.records_of(fold))] for fold in self.folds])
        ends = np.cumsum(spans[:, 1] - spans[:, 0])
        count = np.arange(0, ends[-1], max(1, -(-int(ends[-1]) // most)))
        span = np.searchsorted(ends, count, side="right")
        where = count + (spans[:, 1] - ends)[span]
        values = active.values[np.ix_(self.members, where)]
        # A pixel that only hidden members reach must not tell the visible ones apart.
        seen = values.max(axis=0) >= active.eps
        return values[:, seen] / 255, active.label[where[seen]] > 0
