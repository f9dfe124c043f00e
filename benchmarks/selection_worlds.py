"""Small simulated worlds with a known truth for the studies of selection: streaks, seen by 16 members.

A world fixes how well each member sees. A scene group is one to three records of the same streaks, and 40 % of the
groups have any. All members share a part of their noise, so that their errors are correlated as those of real members
are. Maps are small: a study needs thousands of fits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ensemble.active import Active, find_active

SIZE = 24
MEMBERS = 16
POSITIVE = 0.4  # share of the groups with streaks
WEAK = 1.2  # noise above which members err alike: half the variance of their noise is one for all of them
CHUNK = 500  # groups that are drawn at once

WORLDS = {
    "equal": tuple(np.full(MEMBERS, 0.9)),
    "mixed": tuple(np.linspace(0.6, 2.4, MEMBERS)),
    "dominant": (0.4, *np.full(MEMBERS - 1, 2.0)),
    "one bad": (*np.full(MEMBERS - 1, 0.9), np.inf),
}  # noise of each member; infinite: it sees nothing, and is sure of it


@dataclass(frozen=True, eq=False)
class Scenes:
    """Maps (members, n, SIZE, SIZE) uint8, masks (n, SIZE, SIZE) bool, and the group of each record, ascending."""

    maps: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    group: NDArray[np.int64]


def draw(noise: tuple[float, ...], groups: int, rng: np.random.Generator) -> Scenes:
    """Draw the records of this many scene groups, seen by members of this noise."""
    group, masks, base = seen(groups, rng)
    weakness = smooth_noise(rng, masks.shape)
    maps = np.empty((len(noise), *masks.shape), np.uint8)
    for member, spread in enumerate(noise):
        mood = rng.normal(0, 0.3, (len(group), 1, 1))
        own = smooth_noise(rng, masks.shape)
        if spread > WEAK:
            own = np.sqrt(0.5) * (own + weakness)
        logit = 2.0 * own - 2.0 if np.isinf(spread) else base + mood + spread * own
        maps[member] = np.rint(255 / (1 + np.exp(-logit)))
    return Scenes(maps, masks, group)


def seen(groups: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float32]]:
    """Draw the group of each record (n,), masks (n, SIZE, SIZE), and the logits that all members see, without noise."""
    group = np.repeat(np.arange(groups), rng.integers(1, 4, groups))
    distance = _distances(rng, groups)[group]
    distance = np.roll(distance, rng.integers(-2, 3), axis=1)
    masks = distance < 1
    brightness = rng.normal(5.5, 1.5, groups)[group] + rng.normal(0, 0.3, len(group))
    streaks = brightness[:, None, None] * np.clip(1.8 - distance, 0, 1)
    base = streaks - 5.5 + 1.5 * smooth_noise(rng, masks.shape)
    return group, masks, base


def folded(scenes: Scenes, folds: int, rng: np.random.Generator) -> tuple[Active, list[str]]:
    """Gather the active pixels of scenes, their groups dealt evenly to folds, those with streaks first; and the groups.

    returns: active pixels, the name of each record's group
    """
    positive = np.bincount(scenes.group, weights=scenes.masks.any(axis=(1, 2))) > 0
    dealt = np.concatenate([rng.permutation(np.flatnonzero(side)) for side in (positive, ~positive)])
    fold_of_group = np.empty(len(positive), np.int64)
    fold_of_group[dealt] = np.arange(len(dealt)) % folds
    fold = fold_of_group[scenes.group]
    order = np.argsort(fold, kind="stable")
    names = [f"r{row:06d}" for row in range(len(order))]
    chunk = (names, scenes.maps[:, order], scenes.masks[order])
    members = [f"m{member:02d}" for member in range(len(scenes.maps))]
    active = find_active([chunk], members, dict(zip(names, fold[order].tolist())))
    return active, [f"g{number:06d}" for number in scenes.group[order]]


def population(noise: tuple[float, ...], groups: int, rng: np.random.Generator) -> Active:
    """Gather the active pixels of many groups, a chunk at a time, as one fold."""
    fold_of: dict[str, int] = {}

    def chunks() -> Iterator[tuple[list[str], NDArray[np.uint8], NDArray[np.bool_]]]:
        for start in range(0, groups, CHUNK):
            scenes = draw(noise, min(CHUNK, groups - start), rng)
            names = [f"p{start:06d}-{row:06d}" for row in range(len(scenes.masks))]
            fold_of.update(dict.fromkeys(names, 0))
            yield names, scenes.maps, scenes.masks

    return find_active(chunks(), [f"m{member:02d}" for member in range(len(noise))], fold_of)


def _distances(rng: np.random.Generator, groups: int) -> NDArray[np.float32]:
    """Distance from the nearest streak of each group, in half widths: (groups, SIZE, SIZE); far where it has none."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    nearest = np.full((groups, SIZE, SIZE), 9.0, np.float32)
    for share in (POSITIVE, POSITIVE / 3):
        has = np.flatnonzero(rng.random(groups) < share if share == POSITIVE else nearest.min(axis=(1, 2)) < 1)
        if share != POSITIVE:
            has = has[rng.random(len(has)) < 1 / 3]
        angle, length = rng.uniform(0, np.pi, len(has)), rng.uniform(4, 14, len(has))
        left, top = rng.uniform(4, SIZE - 4, (2, len(has)))
        width = rng.uniform(0.7, 1.6, len(has))
        a, n, u, v, w = (one[:, None, None].astype(np.float32) for one in (angle, length, left, top, width))
        along, across = (x - u) * np.cos(a) + (y - v) * np.sin(a), (y - v) * np.cos(a) - (x - u) * np.sin(a)
        here = np.maximum(np.abs(across) / w, np.abs(along) - n + 1)
        nearest[has] = np.minimum(nearest[has], here)
    return nearest


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw noise of unit spread whose neighbours resemble each other, (n, H, W)."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    smooth = np.asarray(gaussian_filter(noise, (0, 0.9, 0.9), mode="wrap", truncate=2.0))
    return smooth / smooth.std()
