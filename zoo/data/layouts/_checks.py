"""Checks that layouts share: names of files, kelvins of a band, labels against labelers."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.records import FRAMES, LABELLED, SIZE

ZERO_CELSIUS = 273.15  # kelvin
PLAUSIBLE = (150.0, 350.0)  # kelvin: colder than any cloud top, warmer than any desert


def names_in(folder: Path) -> frozenset[str]:
    """Names in a folder; none if it cannot be listed."""
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:
        return frozenset()


def held_by_most(held: Collection[Collection[str]]) -> frozenset[str]:
    """Names that more than half of the records hold."""
    often = Counter(name for names in held for name in names)
    return frozenset(name for name, count in often.items() if 2 * count > len(held))


def absent_frames(values: NDArray[Any], finite: NDArray[np.bool_]) -> list[int]:
    """Frames, 1 to 8, of kelvins (256, 256, 8) that are wholly NaN; the labelled one is never just absent."""
    if finite.all():
        return []
    empty = np.isnan(values).all((0, 1))
    return [frame for frame in range(1, FRAMES + 1) if empty[frame - 1] and frame != LABELLED]


def band_faults(values: NDArray[Any], finite: NDArray[np.bool_], absent: Sequence[int]) -> Iterator[str]:
    """Faults of the kelvins of a band, (256, 256, 8), in frames that are not absent."""
    if values.dtype != np.float32:
        yield f"holds {values.dtype}, not float32"
    if not finite.all():
        for index, held in enumerate(finite.sum((0, 1))):
            if held < SIZE**2 and index + 1 not in absent:
                yield torn_frame(index + 1, SIZE**2 - int(held))
    numbers = values if finite.all() else values[finite]
    if not numbers.size:
        return
    if what := implausible(numbers):
        yield what


def implausible(kelvin: NDArray[Any]) -> str:
    """Description of implausible finite kelvins (any shape), such as fill values; empty if there are none."""
    low, high = kelvin.min(), kelvin.max()
    if PLAUSIBLE[0] <= low and high <= PLAUSIBLE[1]:
        return ""
    is_celsius = PLAUSIBLE[0] <= low + ZERO_CELSIUS and high + ZERO_CELSIUS <= PLAUSIBLE[1]
    celsius = f" (degrees Celsius? add {ZERO_CELSIUS})" if is_celsius else ""
    return f"holds {low:g} to {high:g} K{celsius}, plausible are {PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g} K"


def label_faults(mask: NDArray[np.bool_]) -> Iterator[str]:
    """Fault of a label, (256, 256), that marks most of the scene, as an inverted one does.

    The fullest of 22,369 official records marks 16 % of its pixels.
    """
    marked = int(mask.sum())
    if 2 * marked > mask.size:
        yield f"marks {marked} of {mask.size} pixels, more than half: it may be inverted"


def torn_frame(frame: int, bad: int) -> str:
    """Text about a frame with `bad` pixels that are not finite."""
    if frame == LABELLED and bad == SIZE**2:
        return f"lacks the labelled frame, t{frame}"
    return f"frame t{frame} has {bad} pixels that are no number"
