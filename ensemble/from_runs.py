"""Fit on what lies under a runs folder: members' cached predictions, folds, masks.

In: members' maps, folds, a way to read a mask, a plan. Out: a `Fit`, its document, the frozen ensemble.
Stays outside: finding members, opening scenes, writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import UsageError
from ensemble.active import EPS, Active
from ensemble.caution import rate_shift
from ensemble.document import describe, freeze
from ensemble.fit import Fit, Plan, fit
from ensemble.frozen import Ensemble
from ensemble.gather import ReadMask, Shared, gather
from zoo.data import Folds
from zoo.predictions import MemberMaps

Advance = Callable[[int], None]

BASE_BYTES = 0.7e9  # of libraries, compiled code, surfaces and a shard of maps


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is fitted on what."""

    name: str
    plan: Plan
    members: Sequence[MemberMaps]
    folds: Folds
    shared: Shared
    read_mask: ReadMask
    split_of: Mapping[str, str] = field(default_factory=dict)  # train or validation, where it is known
    seed: int = 0
    jobs: int = 1
    max_ram: float | None = None  # GB

    @property
    def fold_count(self) -> int:
        """Folds that have a shared record."""
        return len({self.folds.fold_of[record] for record in self.shared.record_ids})

    @property
    def most_pixels(self) -> int | None:
        """How many active pixels fit into `max_ram`; UserError where it is not enough to begin with."""
        if self.max_ram is None:
            return None
        # While they are put together, pixels stand in memory twice: their values, number and label.
        most = int((self.max_ram * 1e9 - BASE_BYTES) / (2 * (len(self.members) + 3)))
        if most < 1:
            raise UsageError(f"--max-ram {self.max_ram:g}: a fit needs {BASE_BYTES / 1e9:.1f} GB before any pixel")
        return most


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit, its document and the ensemble that was frozen of it."""

    fit: Fit
    document: dict[str, Any]
    ensemble: Ensemble


def read_active(job: Job, advance: Advance = lambda n: None, eps: int = EPS) -> Active:
    """The active pixels of a job's records; `advance` is told of records."""
    given = (job.members, job.shared.record_ids, job.read_mask, job.folds)
    return gather(*given, eps, job.most_pixels, advance)


def fit_active(job: Job, active: Active, advance: Advance = lambda n: None) -> Fitted:
    """Fit and freeze; `advance` is told of stages.

    Where a best threshold is the lowest candidate, the maps are read again with every pixel above zero, or as many
    of them as `max_ram` lets in.
    """
    groups = [job.folds.group_of[record] for record in active.record_ids]
    result = fit(active, groups, job.plan, job.seed, job.jobs, advance)
    if active.eps == EPS and _at_the_floor(result):
        active = read_active(job, eps=1)
        result = fit(active, groups, job.plan, job.seed, job.jobs)
    document = describe(result, job.shared.missing)
    document["warnings"] += rate_shift(active, job.split_of)
    return Fitted(result, document, freeze(job.name, result, job.members, job.folds.sha256, document))


def _at_the_floor(result: Fit) -> bool:
    everything = (result.result, result.uniform, result.best, *result.members)
    return any(result.tally.is_lowest(scored.choice) for scored in everything)
