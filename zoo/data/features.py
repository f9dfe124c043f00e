"""Candidate channels of a network's input, and how well each separates the contrails of one scene from their ring.

In: kelvins and the label of one record. Out: for every channel the AUC (Mann and Whitney) and d' (difference of the
means over the standard deviation within) of contrail pixels against a ring around them, and the moments from which
linear discriminants of several channels are fitted. Absolute values differ more between scenes than contrails do within
one, so nothing is compared across scenes. Stays outside: several scenes together (zoo.data.feature_ranking).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import rankdata

from zoo.data.records import BANDS, LABELLED, SIZE, Record, Source
from zoo.data.ridge import ridge

BEFORE, AFTER = LABELLED - 1, LABELLED + 1
RING = (2.0, 8.0)  # pixels from the next contrail pixel: beyond its blur and the label's offset, in the same weather
LEAST = 10  # contrail pixels that a scene needs: those of the smallest contrail
MOST = (400, 800)  # pixels of contrail and of ring that are used in a scene
DIFFERENCES = ((15, 14), (14, 11))  # the split window and the cloud-top difference: darker in contrails
SIGMAS = (1.0, 1.5, 2.0, 3.0)  # of the ridge filter, pixels
WIDE = 8.0  # sigma of the mean that is taken off, pixels

Plane = NDArray[np.float32]
Kelvin = Mapping[tuple[int, int], Plane]  # by band and frame


@dataclass(frozen=True)
class Channel:
    """Channel that an input could have: the kelvins that it reads, and the plane (256, 256) that it makes of them."""

    name: str
    reads: tuple[tuple[int, int], ...]  # bands and frames
    make: Callable[[Kelvin], Plane]
    from_ash: bool = True  # kelvins of an ash-colour image will do
    pixelwise: bool = True  # False: filtered, which a network can learn by itself


@dataclass(frozen=True, eq=False)
class ChannelStats:
    """Separation of contrails from their ring in one scene, by c channels; NaN for a channel that it cannot make."""

    record: Record
    auc: NDArray[np.float64]  # (c,)
    contrast: NDArray[np.float64]  # (c,), mean in the contrails less mean around them
    within: NDArray[np.float64]  # (c, c), mean of the covariances of contrail and of ring

    @property
    def d_prime(self) -> NDArray[np.float64]:
        """Separation d' of each channel: (c,); 0 if a channel is flat."""
        spread = np.sqrt(np.diagonal(self.within))
        return np.divide(self.contrast, spread, out=np.zeros_like(spread) * self.contrast, where=spread > 0)


def candidate_channels() -> tuple[Channel, ...]:
    """Bands, their differences, change in time, ridges and local contrast of the two differences."""
    quantities = {f"T{band}": (band,) for band in BANDS}
    pairs = {f"T{high}-T{low}": (high, low) for low, high in combinations(BANDS, 2)}
    found = [_still(name, bands) for name, bands in (quantities | pairs).items()]
    moving = quantities | {f"T{high}-T{low}": (high, low) for high, low in DIFFERENCES}
    for name, bands in moving.items():
        found += [_change(name, bands, others) for others in ((BEFORE,), (AFTER,), (BEFORE, AFTER))]
    found += [_ratio(name, bands[0], frame) for name, bands in quantities.items() for frame in (BEFORE, AFTER)]
    for high, low in DIFFERENCES:
        name, bands = f"T{high}-T{low}", (high, low)
        found += [_still(f"ridge {sigma:g} px of {name}", bands, partial(ridge, sigma=sigma)) for sigma in SIGMAS]
        found.append(_still(f"less its mean over {WIDE:g} px: {name}", bands, local_contrast))
    return tuple(found)


def measure_channels(source: Source, record: Record, channels: Sequence[Channel]) -> ChannelStats | None:
    """Measure the channels on one record; None if it has fewer contrail pixels, or ring, than the smallest contrail."""
    inside, ring = _pixels(record, source.mask(record))
    if len(inside) < LEAST or len(ring) < LEAST:
        return None
    kelvin = _read(source, record)
    values = np.full((len(inside) + len(ring), len(channels)), np.nan)
    at = np.concatenate([inside, ring])
    for column, channel in zip(values.T, channels):
        if all(key in kelvin for key in channel.reads) and (channel.from_ash or not record.clipped):
            column[:] = channel.make(kelvin).ravel()[at]
    marked, around = values[: len(inside)], values[len(inside) :]
    ranks = rankdata(values, axis=0, nan_policy="propagate")[: len(inside)].sum(axis=0)
    auc = (ranks - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(ring))
    within = (np.cov(marked, rowvar=False) + np.cov(around, rowvar=False)) / 2
    return ChannelStats(record, auc, marked.mean(axis=0) - around.mean(axis=0), np.atleast_2d(within))


def local_contrast(plane: Plane) -> Plane:
    """Plane minus its Gaussian mean over WIDE pixels, kelvin."""
    result: Plane = plane - ndimage.gaussian_filter(plane, WIDE, mode="nearest")
    return result


def _of(kelvin: Kelvin, bands: Sequence[int], frame: int) -> Plane:
    """Plane of a band, or of the first less the second."""
    first = kelvin[bands[0], frame]
    return first - kelvin[bands[1], frame] if len(bands) > 1 else first


def _still(name: str, bands: tuple[int, ...], function: Callable[[Plane], Plane] | None = None) -> Channel:
    """Channel of the labelled frame alone, filtered by `function`."""
    reads = tuple((band, LABELLED) for band in bands)

    def make(kelvin: Kelvin) -> Plane:
        plane = _of(kelvin, bands, LABELLED)
        return function(plane) if function else plane

    return Channel(name, reads, make, pixelwise=function is None)


def _change(name: str, bands: tuple[int, ...], others: tuple[int, ...]) -> Channel:
    """Channel of the labelled frame less the mean of the others."""

    def make(kelvin: Kelvin) -> Plane:
        mean = sum(_of(kelvin, bands, frame) for frame in others) / np.float32(len(others))
        result: Plane = _of(kelvin, bands, LABELLED) - mean
        return result

    reads = tuple((band, frame) for band in bands for frame in (LABELLED, *others))
    others_name = " and ".join(f"t{frame}" for frame in others)
    return Channel(f"{name}: t{LABELLED} less {others_name}", reads, make)


def _ratio(name: str, band: int, frame: int) -> Channel:
    reads = ((band, LABELLED), (band, frame))
    return Channel(f"{name}: t{LABELLED} / t{frame}", reads, lambda kelvin: kelvin[reads[0]] / kelvin[reads[1]])


def _pixels(record: Record, mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat indices of contrail and ring, no more than MOST, drawn with a seed that follows from the record's id."""
    distance = ndimage.distance_transform_edt(~mask)
    ring = (distance > RING[0]) & (distance <= RING[1]) if mask.any() else mask
    rng = np.random.default_rng(crc32(record.id.encode()))
    found = []
    for where, most in zip((mask, ring), MOST):
        at = np.flatnonzero(where)
        found.append(at if len(at) <= most else rng.choice(at, most, replace=False))
    return found[0], found[1]


def _read(source: Source, record: Record) -> dict[tuple[int, int], Plane]:
    """Kelvins that the record holds, of the labelled frame and its neighbours."""
    frames = (BEFORE, LABELLED, AFTER)
    bands = source.bands(record)
    planes = source.kelvin(record, bands, frames).reshape(len(bands), len(frames), SIZE, SIZE)
    return {
        (band, frame): plane
        for band, of_band in zip(bands, planes)
        for frame, plane in zip(frames, of_band)
        if not np.isnan(plane[0, 0])
    }
