"""Correlation of local scores with leaderboard scores.

In: entries of the ledger. Out: correlations with an interval, and the mean difference. Stays outside: files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from submissions.ledger import Entry


@dataclass(frozen=True)
class Correlation:
    """Local against leaderboard score over the entries that have both."""

    entries: int
    pearson: float
    spearman: float
    interval: tuple[float, float] | None  # 95 %, of pearson, by Fisher's z; from four entries on
    offset: float  # mean of leaderboard less local


def correlate(entries: Sequence[Entry], board: str = "public") -> Correlation | None:
    """Correlation of local scores with those of a board, "public" or "private".

    None below three entries with both scores, or if all local or all leaderboard scores are equal.
    """
    pairs = [(each.sent.local, getattr(each, board)) for each in entries]
    both = np.array([pair for pair in pairs if None not in pair], dtype=float).reshape(-1, 2)
    if len(both) < 3 or not np.ptp(both, axis=0).all():
        return None
    from scipy.stats import pearsonr, spearmanr

    local, scores = both.T
    pearson = pearsonr(local, scores)
    low, high = pearson.confidence_interval()
    return Correlation(
        entries=len(both),
        pearson=float(pearson.statistic),
        spearman=float(spearmanr(local, scores).statistic),
        interval=(float(low), float(high)) if len(both) > 3 else None,
        offset=float((scores - local).mean()),
    )
