"""Correlation of local scores with those of a leaderboard."""

import numpy as np
import pytest
from scipy import stats

from submissions.correlation import correlate
from submissions.ledger import Entry, Sent


def entries(*pairs: tuple[float | None, float | None]) -> list[Entry]:
    return [Entry(i, Sent(name=str(i), local=local), public) for i, (local, public) in enumerate(pairs)]


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
