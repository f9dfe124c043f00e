"""Correlation of local scores with leaderboard scores.

In: entries of the ledger. Out: correlations with an interval, and the mean difference. Stays outside: files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from submissions.ledger import Entry


@dataclass(frozen=True)
class Correlation:
    """Local against leaderboard score over the entries that have both."""

    entries: int
    pearson: float
    spearman: float
    interval: tuple[float, float] | None  # 95 %, of pearson; from four entries on
    offset: float  # mean of leaderboard less local


def correlate(entries: Sequence[Entry], board: str = "public") -> Correlation | None:
    """Correlation of local scores with those of a board, "public" or "private".

    None below three entries with both scores, or if all local or all leaderboard scores are equal.
    """
    pairs = [(each.sent.local, getattr(each, board)) for each in entries]
    both = np.array([pair for pair in pairs if None not in pair], dtype=float).reshape(-1, 2)
    if len(both) < 3 or not np.ptp(both, axis=0).all():
        return None
    local, scores = both.T
    pearson = float(np.corrcoef(local, scores)[0, 1])
    return Correlation(
        entries=len(both),
        pearson=pearson,
        spearman=float(np.corrcoef(_ranks(local), _ranks(scores))[0, 1]),
        interval=_fisher(pearson, len(both)),
        offset=float((scores - local).mean()),
    )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0; ties share their mean rank."""
    below = (values[:, None] > values).sum(axis=1)
    ties = (values[:, None] == values).sum(axis=1)
    return below + (ties - 1) / 2


def _fisher(correlation: float, entries: int) -> tuple[float, float] | None:
    """95 % interval of a correlation by Fisher's z-transformation; None below four entries."""
    if entries < 4:
        return None
    centre = np.arctanh(np.clip(correlation, -0.999999, 0.999999))
    half = 1.96 / (entries - 3) ** 0.5
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))
