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


def far_off(found: Share, known: Share, of: str) -> list[str]:
    """What to say where `found` is far off `known`, whose name is `of`; nothing where it may be chance."""
    filled, usual = found.filled / found.records, known.filled / known.records
    lines = []
    word = _far(found.share, known.share, known.spread / found.records**0.5)
    if word:
        lines.append(f"{found.share:.3%} of the pixels are predicted, far {word} than the {known.share:.3%} of {of}")
    word = _far(filled, usual, (usual * (1 - usual) / found.records) ** 0.5)
    if word:
        lines.append(f"{filled:.1%} of the masks hold contrails, far {word} than the {usual:.1%} of {of}")
    return [f"{line}; are these scenes of the same kind, and whole? see: cli data check" for line in lines]


def _far(found: float, known: float, error: float) -> str | None:
    """ "more" or "less" where neither the factor nor the luck explains the difference."""
    if FACTOR * (known + ERRORS * error) < found:
        return "more"
    return "less" if found < (known - ERRORS * error) / FACTOR else None
