"""Rank channels by how well they separate contrails from their surroundings, over many scenes, and judge inputs by it.

In: scenes and folds. Out: a FeatureRanking. A single channel is judged by the mean of the scenes' AUCs, a set of
channels by the d' of its linear discriminant (Fisher 1936), fitted on other scene groups than it is judged on.
Intervals are bootstrapped over scene groups.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.listener import SILENT, Listener
from zoo.data.features import Channel, ChannelStats, Kelvin, Plane, candidate_channels, measure_channels
from zoo.data.folds import Folds
from zoo.data.parallel import parallel_map
from zoo.data.records import LABELLED, Record, evenly_spread
from zoo.data.sources import Scenes

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 2000
PARTS = 5  # of the scene groups: a discriminant fitted on four is judged on the fifth
FEWEST = 8  # scenes on which inputs are compared
CHANNELS = 6  # at most, in forward selection
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChannelScore:
    """Score of one channel: the mean of the scenes' AUCs (above a half), its 95 % interval, d', number of scenes."""

    name: str
    auc: float
    low: float
    high: float
    d_prime: float
    scenes: int
    brighter: bool  # contrails have the greater values
    may_be_best: bool  # on the scenes that hold both, it cannot be told from the first


@dataclass(frozen=True, kw_only=True)
class InputScore:
    """Score of a registered input: the cross-fitted d' of the linear discriminant of its channels."""

    name: str
    channels: int
    d_prime: float
    behind: float  # the best one's d' less this
    error: float  # standard error of `behind`
    scenes: int  # that hold what it reads, among all


@dataclass(frozen=True, eq=False)
class FeatureRanking:
    """Separation of contrails by candidate channels and by the channels of registered inputs.

    candidates: the first channels of each of `scenes`. parts: the slice of channels of each registered input. groups:
    number of the scene group of each scene. folds: those whose scenes were measured.
    """

    candidates: tuple[Channel, ...]
    parts: Mapping[str, slice]
    scenes: tuple[ChannelStats, ...]
    groups: NDArray[np.int64]
    folds: tuple[int, ...] = ()

    @property
    def clipped(self) -> int:
        """Number of scenes whose kelvins come from ash-colour images."""
        return sum(one.record.clipped for one in self.scenes)

    @cached_property
    def channels(self) -> list[ChannelScore]:
        """Scores of the candidates that enough scenes hold, best first."""
        auc, d_prime = (np.stack([getattr(one, key) for one in self.scenes]) for key in ("auc", "d_prime"))
        auc, d_prime = auc[:, : len(self.candidates)], d_prime[:, : len(self.candidates)]
        held = np.isfinite(auc)
        columns = np.flatnonzero(held.sum(axis=0) >= min(FEWEST, len(self.scenes)))
        mean = np.array([auc[held[:, c], c].mean() for c in columns])
        signs = np.where(mean >= 0.5, 1.0, -1.0)
        gain = np.where(held[:, columns], signs * (auc[:, columns] - 0.5), np.nan)
        draws = self._draws(gain)
        first = int(np.abs(mean - 0.5).argmax())
        gaps = self._draws(gain[:, [first]] - gain)
        lows, highs = np.nanpercentile(draws, (2.5, 97.5), axis=0)
        behind = np.nanpercentile(gaps, 2.5, axis=0) > 0
        scores = [
            ChannelScore(
                name=self.candidates[c].name,
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
        return sorted(scores, key=lambda one: -one.auc)

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
        """Indices of the scenes, and mask of the channels, on which discriminants are compared.

        No channel is missing from any of these scenes; of such choices, the one with the most values.
        """
        held = np.isfinite(np.stack([one.contrast for one in self.scenes]))
        best: tuple[int, Any, Any] = (0, np.empty(0, np.int64), np.zeros(held.shape[1], bool))
        for pattern in np.unique(held, axis=0):
            scenes = np.flatnonzero((held | ~pattern).all(axis=1))
            if len(scenes) >= FEWEST and len(scenes) * pattern.sum() > best[0]:
                best = (len(scenes) * int(pattern.sum()), scenes, pattern)
        return best[1], best[2]

    @cached_property
    def inputs(self) -> list[InputScore]:
        """Scores of the registered inputs that these scenes allow, best first; empty for fewer than FEWEST scenes."""
        scenes, held = self.compared
        sets = {name: np.arange(held.size)[part] for name, part in self.parts.items() if held[part].all()}
        if not len(scenes) or not sets:
            return []
        d_primes = {name: self._cross_fitted(columns) for name, columns in sets.items()}
        best = max(d_primes.values(), key=np.mean)
        scores = [
            InputScore(
                name=name,
                channels=len(sets[name]),
                d_prime=float(each.mean()),
                behind=float((best - each).mean()),
                error=self._error(best - each),
                scenes=sum(bool(np.isfinite(one.contrast[sets[name]]).all()) for one in self.scenes),
            )
            for name, each in d_primes.items()
        ]
        return sorted(scores, key=lambda one: one.behind)

    @property
    def suggested(self) -> InputScore | None:
        """Input with the fewest channels that all scenes allow and that is not significantly worse than the best.

        If none of these is as good as the best (within two standard errors), the best of them; None for too few scenes.
        """
        allowed = [one for one in self.inputs if one.scenes == len(self.scenes)] or self.inputs
        equals = [one for one in allowed if one.behind <= 2 * one.error] or allowed[:1]
        return min(equals, key=lambda one: (one.channels, one.behind), default=None)

    def forward_selection(self, pixelwise: bool) -> list[tuple[str, float]]:
        """Candidates for a new input, chosen one by one, each with the d' of the discriminant of all up to it.

        It ends where no other candidate adds more than the standard error. pixelwise: without filtered channels.
        """
        scenes, held = self.compared
        if not len(scenes):
            return []
        chosen: list[int] = []
        score, steps = np.zeros(len(scenes)), []
        while len(chosen) < CHANNELS:
            fit = [c for c, one in enumerate(self.candidates) if held[c] and (one.pixelwise or not pixelwise)]
            left = [c for c in fit if c not in chosen]
            tried = {c: self._cross_fitted(np.array([*chosen, c])) for c in left}
            best = max(tried, key=lambda c: tried[c].mean(), default=None)
            if best is None or (tried[best] - score).mean() <= self._error(tried[best] - score):
                break
            chosen.append(best)
            score = tried[best]
            steps.append((self.candidates[best].name, float(score.mean())))
        return steps

    def as_dict(self) -> dict[str, Any]:
        suggested = self.suggested
        return {
            "folds": list(self.folds),
            "scenes": len(self.scenes),
            "groups": int(self.groups.max()) + 1,
            "ranking": [asdict(one) for one in self.channels],
            "compared_scenes": len(self.compared[0]),
            "inputs": [asdict(one) for one in self.inputs],
            "suggested": suggested.name if suggested else None,
            "composed": {
                kind: [{"channel": name, "d_prime": score} for name, score in self.forward_selection(pixelwise)]
                for kind, pixelwise in (("pixelwise", True), ("any", False))
            },
        }

    def to_frame(self) -> "pd.DataFrame":
        """Channels as a table, best first: one row for each ChannelScore, its fields as columns."""
        import pandas as pd

        return pd.DataFrame(
            [asdict(one) for one in self.channels], columns=[field.name for field in fields(ChannelScore)]
        )

    def _cross_fitted(self, columns: NDArray[np.int64]) -> Floats:
        """The d' of the columns' discriminant in each compared scene, its weights from other scene groups."""
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
            # Channels may be sums of one another, and flat ones have no variance.
            scale = np.sqrt(np.maximum(np.diagonal(pooled), 1e-12))
            ridge = pooled / np.outer(scale, scale) + 1e-4 * np.eye(len(columns))
            weights = np.linalg.solve(ridge, contrast[fit].mean(axis=0) / scale) / scale
            spread = np.sqrt(np.maximum(np.einsum("nij,i,j->n", within[judge], weights, weights), 0.0))
            result[judge] = np.divide(contrast[judge] @ weights, spread, out=np.zeros(judge.sum()), where=spread > 0)
        return result

    @cached_property
    def _moments(self) -> tuple[Floats, Floats]:
        scenes, _ = self.compared
        return np.stack([self.scenes[n].contrast for n in scenes]), np.stack([self.scenes[n].within for n in scenes])

    def _error(self, differences: Floats) -> float:
        """Standard error of the mean over the compared scenes, whose groups are independent."""
        scenes, _ = self.compared
        _, where = np.unique(self.groups[scenes], return_inverse=True)
        sums = np.bincount(where, differences - differences.mean())
        return float(np.sqrt((sums**2).sum() * len(sums) / max(1, len(sums) - 1)) / len(differences))


def rank_features(
    scenes: Scenes,
    folds: Folds,
    inputs: Mapping[str, Sequence[Channel]],
    *,
    numbers: Collection[int] | None = None,
    most: int = 1000,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> FeatureRanking:
    """Rank candidate channels, and the channels of `inputs`, on the labelled records of some folds.

    numbers: the folds, by default all but fold 0, which can then judge what was chosen. most: records, at most.
    UserError if a labelled record is in no fold, or none of the records has contrails.
    """
    chosen = sorted(range(1, folds.count) if numbers is None else numbers)
    candidates = candidate_channels()
    channels, parts = list(candidates), {}
    for name, of_input in inputs.items():
        parts[name] = slice(len(channels), len(channels) + len(of_input))
        channels += of_input
    records = _with_contrails(scenes, folds, chosen, most)

    def measure(record: Record) -> ChannelStats | None:
        return measure_channels(scenes.source(record), record, channels)

    measured = tuple(filter(None, parallel_map(measure, records, jobs, listener, "features")))
    if not measured:
        raise UserError(f"none of {len(records)} records has a contrail of ten pixels; name other folds or sources")
    _, groups = np.unique([folds.group_of[one.record.id] for one in measured], return_inverse=True)
    return FeatureRanking(candidates, parts, measured, groups, tuple(chosen))


def input_channels(
    name: str, bands: Sequence[int], count: int, make: Callable[..., Sequence[Plane]], from_ash: bool
) -> list[Channel]:
    """Channels of a registered input; `make` takes kelvin (H, W) of each band and returns `count` planes."""
    reads = tuple((band, LABELLED) for band in bands)

    def channel(kelvin: Kelvin, k: int) -> Plane:
        return make(*(kelvin[key] for key in reads))[k]

    return [Channel(f"{name}[{k}]", reads, partial(channel, k=k), from_ash) for k in range(count)]


def fold_words(numbers: Sequence[int]) -> str:
    """Folds in words: "fold 1", "folds 1, 2"."""
    return ("fold " if len(numbers) == 1 else "folds ") + ", ".join(map(str, numbers))


def _with_contrails(scenes: Scenes, folds: Folds, numbers: Sequence[int], most: int) -> list[Record]:
    """Labelled records of these folds, without those that folds.csv knows to be empty."""
    folds.require([record.id for record in scenes.labelled])
    empty = {row.record_id for row in folds.rows if row.positives == 0}
    found = [r for r in scenes.labelled if folds.fold_of[r.id] in numbers and r.id not in empty]
    if not found:
        raise UserError(f"no record of {fold_words(numbers)} has a contrail; give other --folds, or name more data")
    return evenly_spread(found, most)
