"""How far chance moves a leaderboard, and what it goes with."""

import numpy as np
import pytest
from scipy import stats

from submissions.board import Spread, correlate, spread_by_bootstrap, spread_from_ledger
from submissions.ledger import Entry, Sent


def entries(*pairs: tuple[float | None, float | None]) -> list[Entry]:
    return [Entry(i, Sent(name=str(i), local=local), public) for i, (local, public) in enumerate(pairs)]


def counts(rng: np.random.Generator, size: int, hit: float = 0.6) -> np.ndarray:
    truth = np.where(rng.random(size) < 0.4, rng.integers(10, 2000, size), 0)
    tp = (truth * np.clip(rng.normal(hit, 0.2, size), 0, 1)).astype(int)
    return np.stack([tp, tp + rng.integers(0, 300, size), truth], axis=1)


def test_the_correlation_is_scipys(rng: np.random.Generator) -> None:
    local = rng.uniform(0.5, 0.7, 9).round(2)  # with ties
    public = local + rng.normal(0, 0.03, 9)
    found = correlate(entries(*zip(local, public), (None, 0.5), (0.5, None)))
    assert found.entries == 9
    assert found.pearson == pytest.approx(stats.pearsonr(local, public).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(local, public).statistic)
    interval = stats.pearsonr(local, public).confidence_interval(0.95)
    assert found.interval == pytest.approx(tuple(interval), abs=1e-4)
    assert found.offset == pytest.approx((public - local).mean())


def test_too_few_or_equal_scores_have_no_correlation() -> None:
    assert correlate(entries((0.5, 0.6), (0.6, 0.7))) is None
    assert correlate(entries((0.5, 0.6), (0.5, 0.7), (0.5, 0.8))) is None


def test_the_spread_of_a_board_is_that_of_boards_drawn_one_by_one(rng: np.random.Generator) -> None:
    per_record = counts(rng, 400)
    scores = []
    for _ in range(2000):
        tp, predicted, truth = per_record[rng.integers(400, size=279)].sum(axis=0)
        scores.append(2 * tp / (predicted + truth))
    found = spread_by_bootstrap(per_record, records=279)
    assert found.score == pytest.approx(np.std(scores), rel=0.06)
    assert not found.paired and found.difference == found.score * 2**0.5


def test_a_larger_board_spreads_less(rng: np.random.Generator) -> None:
    per_record = counts(rng, 400)
    small, large = (spread_by_bootstrap(per_record, records=size).score for size in (279, 4 * 279))
    assert large == pytest.approx(small / 2, rel=0.06)


def test_two_files_on_one_board_differ_less_than_two_on_two_boards(rng: np.random.Generator) -> None:
    first = counts(rng, 400)
    second = first + np.array([0, 3, 0])
    paired = spread_by_bootstrap(first, second)
    assert paired.paired and paired.difference < 0.3 * spread_by_bootstrap(first).difference
    assert spread_by_bootstrap(first, first).difference == 0


def test_the_same_seed_gives_the_same_spread(rng: np.random.Generator) -> None:
    per_record = counts(rng, 50)
    assert spread_by_bootstrap(per_record, seed=3) == spread_by_bootstrap(per_record, seed=3)


def test_without_a_file_the_newest_interval_is_scaled_to_the_board() -> None:
    old = Entry(1, Sent(name="a", interval=(0.1, 0.9), records=10))
    new = Entry(2, Sent(name="b", interval=(0.56, 0.64), records=4 * 279))
    found = spread_from_ledger([old, new, Entry(3, Sent(name="c"))])
    assert found.score == pytest.approx(0.08 / 3.92 * 2)
    assert spread_from_ledger([Entry(1, Sent(name="a"))]) is None


def test_scores_are_told_apart_beyond_two_spreads_of_their_difference() -> None:
    spread = Spread(279, 0.02, 0.01, paired=True)
    assert spread.tells_apart(0.638, 0.609)
    assert not spread.tells_apart(0.638, 0.621)
