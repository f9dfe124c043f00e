"""What leaderboard scores can tell: how they go with local ones, and how far chance alone moves them.

In: entries of the ledger, counts per record. Out: correlation, spread, verdicts on pairs.
Stays outside: files. A public board scores few records: on others the same masks would have scored otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from submissions.ledger import Entry

PUBLIC_RECORDS = 279
REPLICATES = 10_000
# Two scores on one board are told apart where they lie this many spreads of their difference apart.
TOLD_APART = 1.96


@dataclass(frozen=True)
class Correlation:
    """Local against leaderboard score over the entries that have both."""

    entries: int
    pearson: float
    spearman: float
    interval: tuple[float, float] | None  # 95 %, of pearson; from four entries on
    offset: float  # mean of leaderboard less local


@dataclass(frozen=True)
class Spread:
    """How far chance moves a score, and a difference of two, on a board of so many records."""

    records: int  # of the board
    score: float  # standard deviation of one score
    difference: float  # of the difference of two scores on the same board
    paired: bool  # whether the difference was measured; else the two are taken as independent

    def tells_apart(self, first: float, second: float) -> bool:
        """Whether two scores on this board really differ."""
        return abs(first - second) > TOLD_APART * self.difference


def correlate(entries: Sequence[Entry], board: str = "public") -> Correlation | None:
    """How local scores go with those of a board, "public" or "private"; None below three entries."""
    pairs = [(each.sent.local, getattr(each, board)) for each in entries]
    both = np.array([pair for pair in pairs if None not in pair], dtype=float).reshape(-1, 2)
    if len(both) < 3 or not np.ptp(both, axis=0).all():
        return None
    local, scores = both.T
    pearson = float(np.corrcoef(local, scores)[0, 1])
    spearman = float(np.corrcoef(_ranks(local), _ranks(scores))[0, 1])
    offset = float((scores - local).mean())
    return Correlation(len(both), pearson, spearman, _fisher(pearson, len(both)), offset)


def spread_by_bootstrap(
    first: NDArray[np.int64],
    second: NDArray[np.int64] | None = None,
    records: int = PUBLIC_RECORDS,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Spread:
    """Boards of `records` drawn, with replacement, from counts per record (n, 3) of a labelled file.

    second: of another file, the same records in the same order: the difference is then paired.
    """
    systems = np.stack([first] if second is None else [first, second]).astype(np.float64)
    scores = np.concatenate(list(_boards(systems, records, seed, replicates)), axis=1)
    spread = float(scores[0].std())
    difference = spread * 2**0.5 if second is None else float((scores[0] - scores[1]).std())
    return Spread(records, spread, difference, paired=second is not None)


def spread_from_ledger(entries: Sequence[Entry], records: int = PUBLIC_RECORDS) -> Spread | None:
    """The same by scaling the newest entry's local interval; None where no entry has one.

    The error of a score goes with 1 / sqrt(records); an interval of 95 % is 3.92 errors wide.
    """
    for entry in reversed(entries):
        if entry.sent.interval and entry.sent.records:
            low, high = entry.sent.interval
            spread = (high - low) / 3.92 * (entry.sent.records / records) ** 0.5
            return Spread(records, spread, spread * 2**0.5, paired=False)
    return None


def _boards(systems: NDArray[np.float64], records: int, seed: int, replicates: int):  # type: ignore[no-untyped-def]
    """Dice of each system (s, n, 3) on each drawn board, block by block: (s, block)."""
    rng = np.random.default_rng(seed)
    step = max(1, 500_000 // records)
    for start in range(0, replicates, step):
        size = (min(step, replicates - start), records)
        drawn = rng.integers(systems.shape[1], size=size)
        tp, predicted, truth = np.moveaxis(systems[:, drawn].sum(axis=2), -1, 0)
        total = predicted + truth
        yield np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, ties at their mean."""
    below = (values[:, None] > values).sum(axis=1)
    ties = (values[:, None] == values).sum(axis=1)
    return below + (ties - 1) / 2


def _fisher(correlation: float, entries: int) -> tuple[float, float] | None:
    """Fisher's interval of a correlation."""
    if entries < 4:
        return None
    centre = np.arctanh(np.clip(correlation, -0.999999, 0.999999))
    half = 1.96 / (entries - 3) ** 0.5
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))
