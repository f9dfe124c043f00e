"""Seeded, realistic, correlated maps for the ensemble's benchmarks: 1 to 1.5 % of pixels are active.

Streaks in 45 % of the records, seen by all members through one noise that they share and one of their own, on a
floor of clouds that sometimes looks like a streak. A pool of records is drawn; more records are its shifted
copies, each in a mood of its own: every member is surer or less sure of it by a random step of log-odds. So a large N
costs no hours, and no two folds hold the same pixels.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

SIZE = 256
FLOOR = -9.0
SHARE_WITH_STREAKS = 0.45

Pool = tuple[NDArray[np.uint8], NDArray[np.bool_]]


def draw_pool(records: int, members: int, seed: int = 0) -> Pool:
    """Maps (members, records, 256, 256) uint8 and masks (records, 256, 256) bool."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((records, SIZE, SIZE), bool)
    seen = np.full((records, SIZE, SIZE), -20.0, np.float32)
    for record in np.flatnonzero(rng.random(records) < SHARE_WITH_STREAKS):
        for _ in range(rng.integers(1, 4)):
            distance = _distance(rng)
            masks[record] |= distance < 1
            brightness = rng.normal(3.5, 1.5)
            seen[record] = np.maximum(seen[record], brightness - 4 * np.maximum(distance - 0.5, 0))
    shared = 1.2 * _noise(rng, records, 2.0)
    clouds = np.maximum(_noise(rng, records, 1.5) + 0.8 * _noise(rng, records, 12.0), 0)
    base = np.maximum(seen, FLOOR + 1.4 * clouds) + shared
    maps = np.empty((members, records, SIZE, SIZE), np.uint8)
    for member in range(members):
        own = (0.8 + 0.05 * member) * _noise(rng, records, 1.2) + rng.normal(0, 0.2)
        maps[member] = np.rint(255 / (1 + np.exp(-(base + own))))
    return maps, masks


def shifted_chunks(
    pool: Pool, records: int, chunk: int = 64, seed: int = 1
) -> Iterator[tuple[list[str], NDArray[np.uint8], NDArray[np.bool_]]]:
    """Chunks of (ids, maps (members, n, 256, 256), masks): the pool's records, shifted by a random amount."""
    maps, masks = pool
    rng = np.random.default_rng(seed)
    for start in range(0, records, chunk):
        size = min(chunk, records - start)
        which = rng.integers(0, len(masks), size)
        by = tuple(rng.integers(0, SIZE, 2))
        ids = [f"{start + index:06d}" for index in range(size)]
        moods = _moods(rng, len(maps), size)
        chosen = np.empty((len(maps), size, SIZE, SIZE), np.uint8)
        for member, table in enumerate(moods):
            for index, record in enumerate(which):
                np.take(table[index], maps[member, record], out=chosen[member, index])
        yield ids, np.roll(chosen, by, (2, 3)), np.roll(masks[which], by, (1, 2))


def _moods(rng: np.random.Generator, members: int, records: int) -> NDArray[np.uint8]:
    """Tables (members, records, 256) of values with a random step added to their log-odds; 0 stays 0."""
    value = np.clip(np.arange(256), 0.25, 254.75) / 255
    step = rng.normal(0, 0.3, (members, records, 1)) + rng.normal(0, 0.3, (1, records, 1))
    moved = 255 / (1 + np.exp(-(np.log(value / (1 - value)) + step)))
    moved[..., 0] = 0
    return np.rint(moved).astype(np.uint8)


def _distance(rng: np.random.Generator) -> NDArray[np.float32]:
    """Distance from a streak of random place, direction, length and width; 1 at its edge."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    angle, (left, top) = rng.uniform(0, np.pi), rng.uniform(20, 236, 2)
    length, width = rng.uniform(10, 50), rng.uniform(0.8, 1.6)
    along = (x - left) * np.cos(angle) + (y - top) * np.sin(angle)
    across = (y - top) * np.cos(angle) - (x - left) * np.sin(angle)
    return np.maximum(np.abs(across) / width, (np.abs(along) - length) / 3).astype(np.float32)


def _noise(rng: np.random.Generator, records: int, scale: float) -> NDArray[np.float32]:
    noise = rng.standard_normal((records, SIZE, SIZE), dtype=np.float32)
    smooth = np.asarray(gaussian_filter(noise, (0, scale, scale), mode="wrap", truncate=3.0))
    return smooth / smooth.std()
