"""Describe the data: kelvins of the labelled frame, band differences, contrail pixels, by source and split.

In: scenes. Out: a Summary for each (source, split) and one of all. Every record gives sums and histograms
that add up, so memory does not grow with the data; percentiles of kelvins are exact to 0.01 K.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.listener import SILENT, Listener
from zoo.data.ash import ASH_BANDS, ash_image
from zoo.data.parallel import parallel_map
from zoo.data.records import BANDS, LABELLED, SIZE, Record, Source
from zoo.data.sources import Scenes

DIFFERENCES = ((15, 14), (14, 11))
IN_CONTRAILS = " in contrails"
ASH_COLOURS = ("ash red", "ash green", "ash blue")
PERCENTILES = (0.1, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.9)
PIXEL_PERCENTILES = (1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0)
BINS, LOWEST, STEP = 20_001, -100.0, 0.01  # of the histogram of differences, kelvin

QUANTITIES = (
    *(f"band {band:02d}" for band in BANDS),
    *(f"T{first}-T{second}{where}" for first, second in DIFFERENCES for where in ("", IN_CONTRAILS)),
    *ASH_COLOURS,
)


@dataclass(frozen=True, eq=False)
class PixelStats:
    """Sums over pixels, which can be added over records; with a histogram only if percentiles are needed."""

    count: int
    total: float
    squares: float
    low: float
    high: float
    histogram: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, values: NDArray[np.float32], with_histogram: bool = False) -> "PixelStats":
        """Statistics of one pixel or more, of any shape."""
        wide = values.astype(np.float64).ravel()
        low, high = float(wide.min()), float(wide.max())
        histogram = _histogram(wide) if with_histogram else None
        return cls(wide.size, float(wide.sum()), float(np.square(wide).sum()), low, high, histogram)

    def __add__(self, other: "PixelStats") -> "PixelStats":
        both = self.histogram is not None and other.histogram is not None
        return PixelStats(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            min(self.low, other.low),
            max(self.high, other.high),
            self.histogram + other.histogram if both else None,  # type: ignore[operator]
        )

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def std(self) -> float:
        return float(np.sqrt(max(0.0, self.squares / self.count - self.mean**2)))

    def percentile(self, percent: float) -> float:
        """Middle of the bin in which the pixel of this rank lies, kelvin."""
        assert self.histogram is not None
        rank = percent / 100 * (self.count - 1)
        return round(LOWEST + STEP * int(np.searchsorted(np.cumsum(self.histogram), rank, side="right")), 2)

    def as_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {"mean": self.mean, "std": self.std, "min": self.low, "max": self.high}
        if self.histogram is not None:
            result["percentiles"] = {f"{percent:g}": self.percentile(percent) for percent in PERCENTILES}
        return result


Quantities = dict[str, PixelStats]


@dataclass(frozen=True, eq=False)
class Summary:
    """Statistics of the records of one source and split, or of all; begins as that of a single record."""

    source: str
    split: str
    records: int
    clipped: bool  # the kelvins come from ash-colour scenes
    positives: tuple[int, ...]  # contrail pixels of each labelled record
    quantities: Quantities

    @property
    def with_contrails(self) -> NDArray[np.int64]:
        """Contrail pixels of each record that has any: (n,)."""
        return np.array([count for count in self.positives if count], dtype=np.int64)

    @property
    def share_with_contrails(self) -> float | None:
        """Share of the labelled records that have contrails; None if nothing is labelled."""
        return len(self.with_contrails) / len(self.positives) if self.positives else None

    @property
    def positive_share(self) -> float | None:
        """Share of contrail pixels in the labelled records; None if nothing is labelled."""
        return sum(self.positives) / (len(self.positives) * SIZE**2) if self.positives else None

    def pixel_percentiles(self) -> dict[str, float]:
        """Percentiles of the contrail pixels of a record that has any; empty if none has."""
        some = self.with_contrails
        return {f"{percent:g}": float(np.percentile(some, percent)) for percent in PIXEL_PERCENTILES if some.size}

    def as_dict(self) -> dict[str, Any]:
        some = self.with_contrails.tolist()
        return {
            "source": self.source,
            "split": self.split,
            "records": self.records,
            "clipped": self.clipped,
            "labelled": len(self.positives),
            "with_contrails": len(some),
            "share_with_contrails": self.share_with_contrails,
            "positive_share": self.positive_share,
            "contrail_pixels": {
                "total": sum(some),
                "min": min(some, default=None),
                "max": max(some, default=None),
            },
            "contrail_pixel_percentiles": self.pixel_percentiles(),
            "quantities": {name: stats.as_dict() for name, stats in self.quantities.items()},
        }


def describe(scenes: Scenes, jobs: int | None = None, listener: Listener = SILENT) -> list[Summary]:
    """Summary of each (source, split), and at the end of all of them."""
    parts: dict[tuple[str, str], Summary] = {}
    tasks = [(scenes.source(record), record) for record in scenes.records]
    for one in parallel_map(_describe, tasks, jobs, listener, "stats"):
        key = one.source, one.split
        parts[key] = merge([parts[key], one], *key) if key in parts else one
    summaries = [part for _, part in sorted(parts.items())]
    return [*summaries, merge(summaries, "all", "all")]


def merge(parts: Sequence[Summary], source: str, split: str) -> Summary:
    """Merge several summaries into one; clipped kelvins are left out if there are others."""
    clipped = all(part.clipped for part in parts)
    quantities: Quantities = {}
    for name in QUANTITIES:
        counted = (part for part in parts if clipped or not part.clipped or name.startswith("ash"))
        found = [part.quantities[name] for part in counted if name in part.quantities]
        if found:
            quantities[name] = reduce(add, found)
    positives = tuple(count for part in parts for count in part.positives)
    return Summary(source, split, sum(part.records for part in parts), clipped, positives, quantities)


def _describe(task: tuple[Source, Record]) -> Summary:
    source, record = task
    mask = source.mask(record) if source.has_mask(record) else None
    bands = source.bands(record)
    planes = dict(zip(bands, source.kelvin(record, bands, (LABELLED,))[:, 0]))
    quantities = dict(_quantities(planes, mask))
    positives = () if mask is None else (int(mask.sum()),)
    return Summary(record.source, record.split, 1, record.clipped, positives, quantities)


def _quantities(
    planes: Mapping[int, NDArray[np.float32]], mask: NDArray[np.bool_] | None
) -> Iterator[tuple[str, PixelStats]]:
    """Named statistics of one labelled frame; planes: kelvins by band, (256, 256) each."""
    for band, plane in planes.items():
        yield f"band {band:02d}", PixelStats.of(plane)
    for first, second in DIFFERENCES:
        if first in planes and second in planes:
            difference = planes[first] - planes[second]
            yield f"T{first}-T{second}", PixelStats.of(difference, with_histogram=True)
            if mask is not None and mask.any():
                yield f"T{first}-T{second}{IN_CONTRAILS}", PixelStats.of(difference[mask], with_histogram=True)
    if planes.keys() >= set(ASH_BANDS):
        colours = ash_image(np.stack([planes[band] for band in ASH_BANDS]))
        for name, colour in zip(ASH_COLOURS, colours):
            yield name, PixelStats.of(colour)


def _histogram(values: NDArray[np.float64]) -> NDArray[np.int64]:
    bins = np.clip(np.rint((values - LOWEST) / STEP), 0, BINS - 1).astype(np.int64)
    return np.bincount(bins, minlength=BINS)
