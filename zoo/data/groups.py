"""Scene groups: records that see the same place at nearly the same time.

In: metadata and thumbnails of each record. Out: its group, named after its smallest record id, and how it was found.
Two records with metadata are in one group by place and time; otherwise they are if any two of their frames look alike.
Records that can be compared in neither way do not affect the groups of the others.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.data.records import Metadata
from zoo.data.thumbnails import Bands, Looks, Pair, pairs_that_look_alike

METADATA, PIXELS, UNKNOWN = "metadata", "pixels", "unknown"  # by what a record was grouped
KILOMETRES = 400.0  # a scene is about 500 km wide: nearer ones overlap
SECONDS = 2 * 3600.0
EARTH = 6371.0

Kind = tuple[bool, frozenset[Bands]]  # of a record: whether its place is known, the bands that it shows


def scene_groups(ids: Sequence[str], known: Sequence[Metadata | None], looks: Sequence[Looks]) -> list[str]:
    """Group of each record; looks may be empty where the place of every record is known."""
    placed = [is_placed(data) for data in known]
    pairs = list(near_in_place_and_time(known))
    pairs += [pair for pair in pairs_that_look_alike(looks) if not (placed[pair[0]] and placed[pair[1]])]
    return join_pairs(ids, pairs)


def is_placed(data: Metadata | None) -> bool:
    """True if time and place are known."""
    return data is not None and data.centre is not None


def grouped_by(known: Sequence[Metadata | None], looks: Sequence[Looks]) -> list[str]:
    """How each record is grouped: `METADATA` or `PIXELS`, or `UNKNOWN` for as few as possible.

    Without the unknown records, all others can be compared with each other. Records of one kind (place known or not,
    bands present) can be compared with the same others; the kind that can be compared with the fewest becomes unknown,
    until all can be compared.
    """
    kinds: list[Kind] = [(is_placed(data), frozenset(each)) for data, each in zip(known, looks)]
    left = Counter(kinds)
    while left:
        lacking = {kind: _incomparable(kind, left) for kind in left}
        worst = max(left, key=lambda kind: (lacking[kind], not kind[0], -left[kind], sorted(kind[1])))
        if not lacking[worst]:
            break
        del left[worst]
    return [(METADATA if kind[0] else PIXELS) if kind in left else UNKNOWN for kind in kinds]


def _incomparable(kind: Kind, others: Counter[Kind]) -> int:
    """Number of other records with which one of this kind cannot be compared."""
    placed, bands = kind
    apart = sum(count for other, count in others.items() if not (placed and other[0]) and not bands & other[1])
    return apart - (not placed and not bands)  # not with itself


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
