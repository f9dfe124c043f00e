"""Worlds whose Dice is known, to draw samples from: simulated scenes, and the real ones as the population.

Out: counts per record of two systems, (n, 6) int64: true positives, predicted, truth of the first, then of the second;
and the number of the scene group of each record. Only counts are drawn, no maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ensemble.loading import shared_records, without_partial
from ensemble.member_scores import score_member
from pipeline.labels import open_labels
from zoo.data import open_scenes
from zoo.predictions import find_out_of_fold
from zoo.runs import Store

Sample = tuple[NDArray[np.int64], NDArray[np.int64]]
POPULATION = 1_000_000  # simulated groups that the truth is counted on


@njit(cache=True)
def _simulate(groups, share, rng):  # type: ignore[no-untyped-def]
    """Counts (n, 6) and groups (n,) of this many groups of one to three records.

    Sizes are log-normal and recall grows with size, as in the real out-of-fold predictions; three in ten of the scenes
    without contrails have false positives that both systems share. Size, recall and false positives are alike within
    a group.
    """
    counts, where, n = np.zeros((3 * groups, 6), np.int64), np.zeros(3 * groups, np.int64), 0
    for group in range(groups):
        chance = rng.random()
        records = 1 if chance < 0.6 else 2 if chance < 0.86 else 3
        with_contrails = rng.random() < share / 0.8
        size, skill, noise = rng.normal(0, 1), rng.normal(0, 0.7), rng.normal(0, 0.7)
        own = rng.normal(0, 0.3), rng.normal(0, 0.3)
        for _ in range(records):
            where[n] = group
            if with_contrails and rng.random() < 0.8:
                truth = min(20_000.0, np.ceil(np.exp(5.9 + size + rng.normal(0, 0.7))))
                larger = np.log(truth) - 5.9
                odds = 0.6 * larger + skill + rng.normal(0, 0.5)
                false = -1.3 + noise - 0.3 * larger + rng.normal(0, 0.6)
                for system in range(2):
                    found = odds + own[system] - 0.35 * system + rng.normal(0, 0.3)
                    tp = np.floor(truth / (1 + np.exp(-found)))
                    wrong = np.floor(truth * np.exp(false + 0.1 * system + rng.normal(0, 0.3)))
                    counts[n, 3 * system] = tp
                    counts[n, 3 * system + 1] = tp + wrong
                    counts[n, 3 * system + 2] = truth
            elif rng.random() < 0.2:
                false = 3.9 + rng.normal(0, 0.9)
                for system in range(2):
                    if rng.random() < 0.8:
                        counts[n, 3 * system + 1] = np.floor(np.exp(false + rng.normal(0, 0.3)))
            n += 1
    return counts[:n], where[:n]


@dataclass(frozen=True)
class Simulated:
    """Scenes of which this share has contrails."""

    share: float
    name: str = "simulated"

    def sample(self, groups: int, rng: np.random.Generator) -> Sample:
        """Draw a sample of this many groups."""
        counts, where = _simulate(groups, self.share, rng)
        return counts, where

    def total(self) -> NDArray[np.int64]:
        """Counts (6,) of the population."""
        rng = np.random.default_rng(5)
        parts = [_simulate(POPULATION // 10, self.share, rng)[0].sum(axis=0) for _ in range(10)]
        return np.sum(parts, axis=0)


@dataclass(frozen=True, eq=False)
class Real:
    """Groups of real records, drawn with replacement so that this share of them has contrails."""

    share: float
    counts: NDArray[np.int64]  # (n, 6), sorted by group
    first: NDArray[np.int64]  # (groups + 1,) first record of each group
    name: str = "real"

    @property
    def weights(self) -> NDArray[np.float64]:
        """Chance of each group."""
        positive = np.add.reduceat(self.counts[:, 2], self.first[:-1]) > 0
        chance = np.where(positive, self.share / positive.sum(), (1 - self.share) / (~positive).sum())
        return np.asarray(chance)

    def sample(self, groups: int, rng: np.random.Generator) -> Sample:
        """Draw a sample of this many groups."""
        drawn = rng.choice(len(self.first) - 1, groups, p=self.weights)
        sizes = np.diff(self.first)[drawn]
        inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.counts[np.repeat(self.first[drawn], sizes) + inside], np.repeat(np.arange(groups), sizes)

    def total(self) -> NDArray[np.float64]:
        """Counts (6,) of the population, for one drawn group."""
        return np.asarray(self.weights @ np.add.reduceat(self.counts, self.first[:-1]))


def real_counts(runs: Path, data: Sequence[Path]) -> Sample:
    """Out-of-fold counts of the best two members of a runs folder, sorted by group; and each group's first record."""
    store = Store(runs)
    scenes = open_scenes(data)
    _, members = find_out_of_fold(store)
    labels = open_labels(store, scenes, members)
    members, _ = without_partial(members, labels.folds)
    records = shared_records(members, labels.folds, labels.record_ids).record_ids
    scores = [score_member(one, records, labels.mask, labels.folds, jobs=1) for one in members]
    best = sorted(scores, key=lambda score: -score.dice.value)[:2]
    groups = best[0].counts.groups
    order = np.argsort(groups, kind="stable")
    counts = np.concatenate([score.scored.counts for score in best], axis=1)[order]
    return counts, np.append(np.unique(groups[order], return_index=True)[1], len(groups)).astype(np.int64)
