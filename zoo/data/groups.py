"""Scene groups: records that see the same place at nearly the same time.

In: metadata and thumbnails of each record. Out: a group for each, named after its smallest record id. Two records that
both have metadata belong together by place and time; if one has none, they belong together if any two of their frames
look alike.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.data.records import Metadata
from zoo.data.thumbnails import similar_pairs

KILOMETRES = 400.0  # a scene is about 500 km wide: nearer ones overlap
SECONDS = 2 * 3600.0
EARTH = 6371.0

Pair = tuple[int, int]


def scene_groups(
    ids: Sequence[str], known: Sequence[Metadata | None], frames: Sequence[NDArray[np.float32]] | None = None
) -> list[str]:
    """Group of each record; `frames` are thumbnails, needed unless every record's place is known."""
    placed = [data is not None and data.centre is not None for data in known]
    pairs = list(near_in_place_and_time(known))
    if frames is not None:
        pairs += [pair for pair in similar_pairs(frames) if not (placed[pair[0]] and placed[pair[1]])]
    return join_pairs(ids, pairs)


def join_pairs(ids: Sequence[str], pairs: Iterable[Pair]) -> list[str]:
    """Join pairs of indices into groups (union-find); a group is named after its smallest id."""
    parent = list(range(len(ids)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for pair in pairs:
        first, second = sorted((root(pair[0]), root(pair[1])), key=lambda index: ids[index])
        parent[second] = first
    return [ids[root(index)] for index in range(len(ids))]


def near_in_place_and_time(known: Sequence[Metadata | None]) -> Iterator[Pair]:
    """Pairs of indices, both with time and place, less than 400 km and at most two hours apart."""
    placed = [(index, data.time, *data.centre) for index, data in enumerate(known) if data and data.centre]
    index, time, north, east = np.array(sorted(placed, key=lambda row: row[1])).reshape(-1, 4).T
    for shift in range(1, len(index)):
        soon = time[shift:] - time[:-shift] <= SECONDS
        if not soon.any():
            return
        first, second = np.flatnonzero(soon), np.flatnonzero(soon) + shift
        near = distance(north[first], east[first], north[second], east[second]) < KILOMETRES
        yield from zip(index[first[near]].astype(int).tolist(), index[second[near]].astype(int).tolist())


def distance(
    north: NDArray[np.float64],
    east: NDArray[np.float64],
    north2: NDArray[np.float64],
    east2: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Kilometres between points in degrees, on a sphere (haversine)."""
    a, b, c, d = (np.radians(degrees) for degrees in (north, east, north2, east2))
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * EARTH * np.arcsin(np.sqrt(np.minimum(half, 1)))
