"""How much is foreground, and whether one file's share is far off what is known.

In: foreground pixels per record. Out: shares, and a sentence where two of them do not belong together.
Stays outside: which records they are of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from submissions.cells import PIXELS

# The pixel shares of the official train and validation labels differ threefold: less is no sign of a mistake.
FACTOR = 3.0
# What the luck of few records may add, in standard errors.
ERRORS = 3.0


@dataclass(frozen=True)
class Share:
    """Foreground of a set of records."""

    records: int
    pixels: int
    filled: int  # records with any
    spread: float = 0.0  # standard deviation of one record's share

    @classmethod
    def of(cls, pixels: Sequence[int]) -> Share:
        """From the foreground pixels of each record, at least one."""
        each = np.asarray(pixels, np.int64)
        spread = float((each / PIXELS).std())
        return cls(len(each), int(each.sum()), int(np.count_nonzero(each)), spread)

    @property
    def share(self) -> float:
        """Foreground pixels of all pixels."""
        return self.pixels / (self.records * PIXELS) if self.records else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"records": self.records, "share": self.share, "not_empty": self.filled}


def far_off(found: Share, known: Share, of: str) -> str | None:
    """What to say where `found` is far off `known`, whose name is `of`; None where it may be chance."""
    luck = ERRORS * known.spread / found.records**0.5
    if FACTOR * (known.share + luck) < found.share:
        word = "more"
    elif found.share < (known.share - luck) / FACTOR:
        word = "less"
    else:
        return None
    return (
        f"{found.share:.3%} of the pixels are predicted, far {word} than the {known.share:.3%} of {of}; "
        "are these scenes of the same kind, in kelvin, and complete? see: cli data check"
    )
