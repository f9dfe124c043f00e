"""Which channels tell contrails from their surroundings, over many scenes: a ranking, and what an input could have.

In: what each scene says (zoo.data.features). Out: a Screening. A single channel is judged by the mean of the scenes'
AUCs, a set of channels by the d' of its best linear mixture (Fisher 1936), fitted on other scene groups than it is
judged on. Intervals are bootstrapped over scene groups.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data.features import Candidate, Kelvin, Plane, Seen, candidates, look
from zoo.data.parallel import Advance, sweep
from zoo.data.records import LABELLED, Record
from zoo.data.sources import Scenes

DRAWS = 2000
PARTS = 5  # of the scene groups: a mixture fitted on four is judged on the fifth
FEWEST = 8  # scenes on which mixtures are compared
CHANNELS = 6  # at most, of the input that is put together
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One channel: the mean of the scenes' AUCs (above a half), its 95 % interval, d', over how many scenes."""

    name: str
    auc: float
    low: float
    high: float
    d_prime: float
    scenes: int
    brighter: bool  # whether contrails have the greater values
    may_be_best: bool  # on the scenes that hold both, it cannot be told from the first


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """A registered input: the cross-fitted d' of its channels' linear mixture, and how far it is behind the best's."""

    name: str
    channels: int
    d_prime: float
    behind: float  # the best one's d' less this
    error: float  # of `behind`
    scenes: int  # that hold what it reads, among all


@dataclass(frozen=True, eq=False)
class Screening:
    """What the scenes say of candidates, the first columns, and of the channels of registered inputs, the others."""

    own: tuple[Candidate, ...]
    inputs: Mapping[str, slice]
    seen: tuple[Seen, ...]
    groups: NDArray[np.int64]  # of each scene

    @cached_property
    def ranking(self) -> list[Ranked]:
        """The candidates that enough scenes hold, best first."""
        auc, d_prime = (np.stack([getattr(one, key) for one in self.seen]) for key in ("auc", "d_prime"))
        auc, d_prime = auc[:, : len(self.own)], d_prime[:, : len(self.own)]
        held = np.isfinite(auc)
        columns = np.flatnonzero(held.sum(axis=0) >= min(FEWEST, len(self.seen)))
        mean = np.array([auc[held[:, c], c].mean() for c in columns])
        signs = np.where(mean >= 0.5, 1.0, -1.0)
        gain = np.where(held[:, columns], signs * (auc[:, columns] - 0.5), np.nan)
        draws = self._draws(gain)
        first = int(np.abs(mean - 0.5).argmax())
        gaps = self._draws(gain[:, [first]] - gain)
        lows, highs = np.nanpercentile(draws, (2.5, 97.5), axis=0)
        behind = np.nanpercentile(gaps, 2.5, axis=0) > 0
        found = [
            Ranked(
                name=self.own[c].name,
                auc=float(0.5 + abs(mean[k] - 0.5)),
                low=float(0.5 + lows[k]),
                high=float(0.5 + highs[k]),
                d_prime=float(abs(d_prime[held[:, c], c].mean())),
                scenes=int(held[:, c].sum()),
                brighter=bool(signs[k] > 0),
                may_be_best=bool(k == first or not behind[k]),
            )
            for k, c in enumerate(columns)
        ]
        return sorted(found, key=lambda one: -one.auc)

    def _draws(self, values: Floats) -> Floats:
        """Means over the scenes of (scenes, c) in DRAWS resamples of the scene groups; NaNs are left out."""
        number = int(self.groups.max()) + 1
        sums, counts = np.zeros((number, values.shape[1])), np.zeros((number, values.shape[1]))
        np.add.at(sums, self.groups, np.nan_to_num(values))
        np.add.at(counts, self.groups, np.isfinite(values))
        often = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), DRAWS)
        total = often @ counts
        return np.divide(often @ sums, total, out=np.full(total.shape, np.nan), where=total > 0)

    @cached_property
    def compared(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The scenes and the channels of the mixtures: as many channels on as many scenes as there are."""
        held = np.isfinite(np.stack([one.contrast for one in self.seen]))
        best: tuple[int, Any, Any] = (0, np.empty(0, np.int64), np.zeros(held.shape[1], bool))
        for pattern in np.unique(held, axis=0):
            scenes = np.flatnonzero((held | ~pattern).all(axis=1))
            if len(scenes) >= FEWEST and len(scenes) * pattern.sum() > best[0]:
                best = (len(scenes) * int(pattern.sum()), scenes, pattern)
        return best[1], best[2]

    @cached_property
    def mixtures(self) -> list[Mixture]:
        """The registered inputs that these scenes allow, best first; empty where the scenes are too few."""
        scenes, held = self.compared
        sets = {name: np.arange(held.size)[part] for name, part in self.inputs.items() if held[part].all()}
        if not len(scenes) or not sets:
            return []
        scores = {name: self._cross_fitted(columns) for name, columns in sets.items()}
        best = max(scores.values(), key=np.mean)
        found = [
            Mixture(
                name=name,
                channels=len(sets[name]),
                d_prime=float(each.mean()),
                behind=float((best - each).mean()),
                error=self._error(best - each),
                scenes=sum(bool(np.isfinite(one.contrast[sets[name]]).all()) for one in self.seen),
            )
            for name, each in scores.items()
        ]
        return sorted(found, key=lambda one: one.behind)

    @property
    def nearest(self) -> Mixture | None:
        """Of the inputs that all scenes allow, and that cannot be told from the best, the one with fewest channels.

        Where none of these is as good as the best (within two standard errors), the best of them.
        """
        allowed = [one for one in self.mixtures if one.scenes == len(self.seen)] or self.mixtures
        equals = [one for one in allowed if one.behind <= 2 * one.error] or allowed[:1]
        return min(equals, key=lambda one: (one.channels, one.behind), default=None)

    def composed(self, pixelwise: bool) -> list[tuple[str, float]]:
        """Candidates for a new input, each with the d' that it brings the mixture to; more do not pay.

        pixelwise: without what is filtered.
        """
        scenes, held = self.compared
        if not len(scenes):
            return []
        chosen: list[int] = []
        score, found = np.zeros(len(scenes)), []
        while len(chosen) < CHANNELS:
            fit = [c for c, one in enumerate(self.own) if held[c] and (one.pixelwise or not pixelwise)]
            left = [c for c in fit if c not in chosen]
            tried = {c: self._cross_fitted(np.array([*chosen, c])) for c in left}
            best = max(tried, key=lambda c: tried[c].mean(), default=None)
            if best is None or (tried[best] - score).mean() <= self._error(tried[best] - score):
                break
            chosen.append(best)
            score = tried[best]
            found.append((self.own[best].name, float(score.mean())))
        return found

    def _cross_fitted(self, columns: NDArray[np.int64]) -> Floats:
        """The d' of the columns' mixture in each compared scene, its weights from other scene groups."""
        scenes, _ = self.compared
        contrast, within = self._moments
        contrast, within = contrast[:, columns], within[:, columns][:, :, columns]
        part = self.groups[scenes] % PARTS
        result = np.zeros(len(scenes))
        for number in np.unique(part):
            fit, judge = part != number, part == number
            if not fit.any():
                fit = judge
            pooled = within[fit].mean(axis=0)
            # Channels may be sums of one another, and flat ones say nothing.
            scale = np.sqrt(np.maximum(np.diagonal(pooled), 1e-12))
            ridge = pooled / np.outer(scale, scale) + 1e-4 * np.eye(len(columns))
            weights = np.linalg.solve(ridge, contrast[fit].mean(axis=0) / scale) / scale
            spread = np.sqrt(np.maximum(np.einsum("nij,i,j->n", within[judge], weights, weights), 0.0))
            result[judge] = np.divide(contrast[judge] @ weights, spread, out=np.zeros(judge.sum()), where=spread > 0)
        return result

    @cached_property
    def _moments(self) -> tuple[Floats, Floats]:
        scenes, _ = self.compared
        return np.stack([self.seen[n].contrast for n in scenes]), np.stack([self.seen[n].within for n in scenes])

    def _error(self, differences: Floats) -> float:
        """Standard error of the mean over the compared scenes, whose groups are independent."""
        scenes, _ = self.compared
        _, where = np.unique(self.groups[scenes], return_inverse=True)
        sums = np.bincount(where, differences - differences.mean())
        return float(np.sqrt((sums**2).sum() * len(sums) / max(1, len(sums) - 1)) / len(differences))


def screen(
    scenes: Scenes,
    records: Sequence[Record],
    group_of: Mapping[str, str],
    inputs: Mapping[str, Sequence[Candidate]],
    jobs: int = 1,
    advance: Advance | None = None,
) -> Screening:
    """Look at the contrails of these records; `inputs` are the channels of the registered ones.

    UserError where none of the records has contrails; `advance(1)` is called for each record.
    """
    own = candidates()
    channels, parts = list(own), {}
    for name, of_input in inputs.items():
        parts[name] = slice(len(channels), len(channels) + len(of_input))
        channels += of_input
    tasks = [(scenes.source(record), record) for record in records]
    seen = tuple(filter(None, sweep(lambda task: look(*task, channels), tasks, jobs, advance)))
    if not seen:
        raise UserError(f"none of {len(records)} records has a contrail of ten pixels; name other folds or sources")
    _, groups = np.unique([group_of[one.record.id] for one in seen], return_inverse=True)
    return Screening(own, parts, seen, groups)


def input_channels(
    name: str, bands: Sequence[int], count: int, make: Callable[..., Sequence[Plane]], from_ash: bool
) -> list[Candidate]:
    """The channels of a registered input as candidates: `make` takes kelvin (H, W) of each band."""
    reads = tuple((band, LABELLED) for band in bands)

    def channel(kelvin: Kelvin, k: int) -> Plane:
        return make(*(kelvin[key] for key in reads))[k]

    return [Candidate(f"{name}[{k}]", reads, partial(channel, k=k), from_ash) for k in range(count)]
