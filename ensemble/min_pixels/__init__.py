"""Min-pixels modes: which part of a mask must have at least k pixels to be kept. One file per mode.

A mode counts all (threshold, k) in one sweep over the active pixels, counts one (threshold, k) per record, and applies
k to dense masks; the three agree to the pixel. Without min-pixels ("none") every pixel at or above the threshold stays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ensemble.active import Active

NONE = "none"


class Mode(ABC):
    """Min-pixels mode. bins: (p,) uint16, of the active pixels of records `first` to `last`."""

    @staticmethod
    @abstractmethod
    def sweep(
        active: Active, bins: NDArray[np.uint16], first: int, last: int, floor: int, changes: NDArray[np.int64]
    ) -> None:
        """Add to changes (bins, most + 1, 2) the change of counts at every (threshold, k) from bin `floor` up."""

    @staticmethod
    @abstractmethod
    def count(
        active: Active, bins: NDArray[np.uint16], first: int, last: int, threshold: int, k: int, out: NDArray[np.int64]
    ) -> None:
        """Write the true positives and predicted pixels of each record at one cut into out (last - first, 2)."""

    @staticmethod
    @abstractmethod
    def drop(masks: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
        """Drop what has fewer than k pixels from masks (n, H, W)."""


@dataclass(frozen=True, kw_only=True)
class ModeFacts:
    """Facts of a min-pixels mode."""

    about: str  # what it keeps, for documentation
    rank: int  # `auto` prefers the lower of two modes that tie


MIN_PIXELS: Registry[type[Mode], ModeFacts] = Registry("min-pixels mode", ModeFacts, package=__name__, hyphens=True)


def ranked_modes() -> list[str]:
    """Names of all modes, by rank."""
    return sorted(MIN_PIXELS.names(), key=lambda name: MIN_PIXELS.facts(name).rank)
