"""Find similar records, such as the same place minutes apart, from the frames alone.

In: kelvins. Out: pairs of records. A frame becomes a small ash image, 16 x 16, less its mean and scaled to
length one; two frames look alike if these correlate. On the real scenes: a scene with itself 10, 20, 30
and 40 minutes later 0.99, 0.95, 0.92 and 0.87 (medians of 37), different scenes never above 0.74. Scenes that
overlap by a part only are not found this way.

Two records are compared by the best bands that both hold, whatever the others hold.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.data.ash import ASH_BANDS, CLOUD_TEMPERATURE, CLOUD_TOP, SPLIT_WINDOW
from zoo.data.records import SIZE, Record, Source

ALIKE = 0.85
WIDTH = 16
SINGLE_BANDS = (14, 13, 15, 11, 12, 16, 10, 9, 8)  # without the three, the best window band that all hold
BLOCK = 256  # rows at a time: even 20,000 records of eight frames stay below 250 MB a step

Pair = tuple[int, int]
Bands = tuple[int, ...]
Looks = Mapping[
    Bands, NDArray[np.float32]
]  # thumbnails (frames, d) of one record, by the bands that they show, best first


def bands_to_compare(held: Sequence[Bands]) -> Bands:
    """Bands to compare, given those that each record holds; none if the records share none."""
    common = set.intersection(*map(set, held)) if held else set()
    if common.issuperset(ASH_BANDS):
        return ASH_BANDS
    return tuple(band for band in SINGLE_BANDS if band in common)[:1]


def looks_needed(held: Sequence[Bands]) -> list[tuple[Bands, ...]]:
    """Bands needed to compare each record with all others, best first, given the bands of each record."""
    order = (ASH_BANDS, *((band,) for band in SINGLE_BANDS))
    kinds = set(held)
    found = {kind: {bands_to_compare([kind, other]) for other in kinds} for kind in kinds}
    return [tuple(bands for bands in order if bands in found[kind]) for kind in held]


def read_looks(source: Source, record: Record, needed: Sequence[Bands]) -> Looks:
    """Thumbnails of a record for each of these bands, without bands that have no frame or only constant ones."""
    found = ((bands, thumbnails(source, record, bands)) for bands in needed)
    return {bands: frames for bands, frames in found if frames.any()}


def thumbnails(source: Source, record: Record, bands: Sequence[int]) -> NDArray[np.float32]:
    """Thumbnail of every frame that the record holds: (frames, channels * 16 * 16), each of length one (or zero).

    Those that the source keeps, if these are asked for: it may have been packed with fewer frames.
    """
    if not bands:
        return np.empty((0, 0), np.float32)
    kept = source.thumbnails(record) if tuple(bands) == ASH_BANDS else None
    if kept is not None:
        return kept
    held = source.frames(record, bands)
    return thumbnails_of(source.kelvin(record, bands, held) if held else np.empty((len(bands), 0, SIZE, SIZE), "f4"))


def thumbnails_of(kelvin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thumbnail of each frame, as of `thumbnails`. kelvin: of a single band or of `ASH_BANDS`, (bands, n, 256, 256)."""
    small = _block_sums(kelvin) / (SIZE // WIDTH) ** 2
    small -= small.mean((2, 3), keepdims=True)
    rows = (
        small.swapaxes(0, 1).reshape(small.shape[1], -1) if small.size else np.empty((0, len(small) * WIDTH**2), "f4")
    )
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3)


def _block_sums(kelvin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over blocks of 16 x 16 pixels of `ash_image` of the three bands, (3, n, 16, 16); of a single one the blue.

    Seven times as fast as numpy, which writes an array for every step of the formula.
    """
    from zoo.data.kernels import block_sums

    nothing = np.empty((0, SIZE, SIZE), np.float32)
    if len(kelvin) == 1:
        colours = [(kelvin[0], nothing, CLOUD_TEMPERATURE)]
    else:
        t11, t14, t15 = kelvin
        colours = [(t15, t14, SPLIT_WINDOW), (t14, t11, CLOUD_TOP), (t14, nothing, CLOUD_TEMPERATURE)]
    sums = np.empty((len(colours), kelvin.shape[1], WIDTH, WIDTH), np.float32)
    for out, (first, second, (low, high)) in zip(sums, colours):
        block_sums(first, second, np.float32(low), np.float32(high - low), out)
    return sums


def pairs_that_look_alike(looks: Sequence[Looks]) -> Iterator[Pair]:
    """Pairs (smaller, larger index) of records that look alike in the best bands that both have."""
    for bands in dict.fromkeys(bands for each in looks for bands in each):
        holders = [index for index, each in enumerate(looks) if bands in each]
        for pair in similar_pairs([looks[index][bands] for index in holders]):
            first, second = holders[pair[0]], holders[pair[1]]
            if next(each for each in looks[first] if each in looks[second]) == bands:
                yield first, second


def similar_pairs(frames: Sequence[NDArray[np.float32]], threshold: float = ALIKE) -> Iterator[Pair]:
    """Pairs (smaller, larger index) of records any two of whose frames correlate above `threshold`.

    frames: a record's thumbnails each, (held, d).
    """
    owner = np.repeat(np.arange(len(frames)), [len(rows) for rows in frames])
    if not len(owner):
        return
    rows = np.concatenate([each for each in frames if len(each)])
    for start in range(0, len(rows), BLOCK):
        # Later rows alone: every pair of frames is met once.
        close = rows[start : start + BLOCK] @ rows[start:].T > threshold
        first, second = (owner[start + hit] for hit in close.nonzero())
        different = first != second
        pairs = np.sort(np.stack([first[different], second[different]], 1), axis=1)
        yield from ((int(a), int(b)) for a, b in np.unique(pairs, axis=0))
