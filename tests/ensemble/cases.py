"""Small maps and the slow obvious ways to count, for the ensemble's tests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ensemble.active import Active, find_active
from ensemble.blend import BINS, Table, levels
from ensemble.surface import MOST_PIXELS, Cut, changes, surface_of


@dataclass(frozen=True, eq=False)
class Case:
    """Members' maps (members, n, H, W) uint8, masks (n, H, W) bool, a fold a record."""

    maps: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    folds: NDArray[np.int64]

    @property
    def ids(self) -> list[str]:
        return [f"r{index:04d}" for index in range(len(self.masks))]

    @property
    def members(self) -> list[str]:
        return [f"m{index}" for index in range(len(self.maps))]

    @property
    def groups(self) -> dict[str, str]:
        return {record: record for record in self.ids}

    def active(self, eps: int = 1, chunk: int = 3) -> Active:
        fold_of = dict(zip(self.ids, self.folds.tolist()))
        pieces = [slice(start, start + chunk) for start in range(0, len(self.masks), chunk)]
        chunks = [(self.ids[part], self.maps[:, part], self.masks[part]) for part in pieces]
        return find_active(chunks, self.members, fold_of, eps)


def noise_case(rng: np.random.Generator, members: int = 2, records: int = 4, size: int = 12) -> Case:
    """Unstructured maps: every component shape there is; one mask is empty, one map is zero."""
    maps = rng.integers(0, 256, (members, records, size, size)).astype(np.uint8)
    maps[:, 1] = 0
    maps[:, 2][rng.random((members, size, size)) < 0.7] = 0
    masks = rng.random((records, size, size)) < 0.3
    masks[0] = False
    return Case(maps, masks, np.sort(np.arange(records) % 2))


def streak_case(
    rng: np.random.Generator,
    members: int = 3,
    records: int = 24,
    size: int = 32,
    folds: int = 4,
    noise: Sequence[float] = (),
) -> Case:
    """Streaks that all members see through noise of their own and one that they share."""
    y, x = np.mgrid[:size, :size]
    masks = np.zeros((records, size, size), bool)
    for record in np.flatnonzero(rng.random(records) < 0.6):
        for _ in range(rng.integers(1, 3)):
            angle, offset = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7) * size
            distance = (x - offset) * np.cos(angle) + (y - offset) * np.sin(angle)
            masks[record] |= np.abs(distance) < 1.2
    spread = noise or [1.5 + 0.5 * member for member in range(members)]
    shared = smooth_noise(rng, masks.shape)
    maps = [sigmoid(5.5 * masks - 5.0 + shared + one * smooth_noise(rng, masks.shape)) for one in spread]
    return Case(np.stack(maps), masks, np.sort(np.arange(records) % folds))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Noise of unit spread whose neighbours resemble each other, (n, H, W)."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), (0, 1, 1))
    return noise / noise.std()


def sigmoid(logit: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(255 / (1 + np.exp(-logit))).astype(np.uint8)


def dense_bins(case: Case, weights: Sequence[int], by: Table) -> NDArray[np.int64]:
    named = dict(zip(case.members, case.maps))
    return levels(named, dict(zip(case.members, weights)), by).astype(np.int64) >> by.shift


def cut_by_labelling(image: NDArray[np.int64], cut: Cut) -> NDArray[np.bool_]:
    """One record's bins with a cut applied, the way a notebook would."""
    mask = image >= cut.bin
    if cut.mode == "none":
        return mask
    marks = ndimage.label(mask, np.ones((3, 3)))[0] if cut.mode == "component" else mask * 1
    kept = np.zeros_like(mask)
    for mark in range(1, marks.max() + 1):
        here = marks == mark
        kept |= here & (here.sum() >= cut.k)
    return kept


def surface_by_labelling(
    bins: NDArray[np.int64], masks: NDArray[np.bool_], mode: str, most: int, floor: int
) -> NDArray[np.int64]:
    """Counts (bins, most + 1, 2) of all records by labelling each record once a threshold."""
    counts = np.zeros((BINS, most + 1, 2), np.int64)
    for image, truth in zip(bins, masks):
        for threshold in range(floor, BINS):
            mask = image >= threshold
            marks = ndimage.label(mask, np.ones((3, 3)))[0] if mode == "component" else mask.astype(np.int64)
            sizes = np.bincount(marks.ravel(), minlength=2)[1:]
            hits = np.bincount(marks.ravel(), weights=truth.ravel(), minlength=2)[1:].astype(np.int64)
            least = np.arange(most + 1) * (mode != "none")
            keep = (sizes[:, None] >= least).astype(np.int64)
            counts[threshold] += np.stack([hits @ keep, sizes @ keep], axis=1)
    return counts


def cut_counts(case: Case, bins: NDArray[np.int64], cut: Cut) -> NDArray[np.int64]:
    """Counts per record (n, 3) of a cut, by labelling."""
    kept = np.stack([cut_by_labelling(image, cut) for image in bins])
    axes = (1, 2)
    both = (kept & case.masks).sum(axes)
    return np.stack([both, kept.sum(axes), case.masks.sum(axes)], axis=1).astype(np.int64)


def surface(
    active: Active,
    weights: Sequence[int],
    by: Table,
    mode: str,
    most: int = MOST_PIXELS,
    jobs: int = 1,
) -> NDArray[np.int64]:
    """Counts at every (threshold, k) of every fold: (folds, bins, most + 1, 2) int64."""
    given = (active, weights, by, mode)
    folds = range(len(active.folds))
    return np.stack([surface_of(changes(*given, [fold], most, jobs)) for fold in folds])
