"""Foreground of a set of masks, and whether it differs much from a known one.

In: foreground pixels per record. Out: shares, and warnings about implausible ones. Stays outside: the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from submissions.rle import PIXELS

# The pixel shares of the official train and validation labels differ threefold: less is no sign of a mistake.
FACTOR = 3.0
# Allowance for the chance of few records, in standard errors.
ERRORS = 3.0


@dataclass(frozen=True)
class Foreground:
    """Foreground pixels of a set of records, and records that have any."""

    records: int
    pixels: int
    filled: int  # records with any
    spread: float = 0.0  # standard deviation of a record's share

    @classmethod
    def of(cls, pixels: Sequence[int]) -> Foreground:
        """Sum the foreground pixels of each record, at least one record."""
        each = np.asarray(pixels, np.int64)
        spread = float((each / PIXELS).std())
        return cls(len(each), int(each.sum()), int(np.count_nonzero(each)), spread)

    @property
    def share(self) -> float:
        """Foreground pixels over all pixels."""
        return self.pixels / (self.records * PIXELS) if self.records else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {"records": self.records, "share": self.share, "not_empty": self.filled}


def implausible(found: Foreground, known: Foreground, of: str) -> list[str]:
    """Warnings if `found` differs from `known`, which is called `of`, by more than a factor and chance."""
    filled, usual = found.filled / found.records, known.filled / known.records
    lines = []
    word = _far(found.share, known.share, known.spread / found.records**0.5)
    if word:
        lines.append(f"{found.share:.3%} of the pixels are predicted, far {word} than the {known.share:.3%} of {of}")
    word = _far(filled, usual, (usual * (1 - usual) / found.records) ** 0.5)
    if word:
        lines.append(f"{filled:.1%} of the masks hold contrails, far {word} than the {usual:.1%} of {of}")
    return lines


def _far(found: float, known: float, error: float) -> str | None:
    """ "more" or "less" if neither the factor nor chance explains the difference."""
    if FACTOR * (known + ERRORS * error) < found:
        return "more"
    return "less" if found < (known - ERRORS * error) / FACTOR else None
