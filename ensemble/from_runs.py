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
from ensemble.caution import at_the_floor, rate_shift
from ensemble.document import describe, freeze
from ensemble.fit import Fit, fit
from ensemble.frozen import Ensemble
from ensemble.gather import ReadMask, Shared, gather
from ensemble.policy import Plan
from zoo.data import Folds
from zoo.predictions import MemberMaps

Advance = Callable[[int], None]

BASE_BYTES = 0.7e9  # of libraries, compiled code, curves and surfaces
CHUNK_BYTES = 1e7  # of a shard of one member's maps, twice
LOWER_EPS = (10, 4, 1)  # what is tried where thresholds lie below EPS
LOW_RAM = 4.0  # GB that these may take where no --max-ram says otherwise


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

    def pixels_in(self, ram: float) -> int:
        """How many active pixels fit into so many GB; UserError where it is not enough to begin with."""
        base = BASE_BYTES + len(self.members) * CHUNK_BYTES
        # While they are put together, pixels stand in memory twice: their values, number and label.
        most = int((ram * 1e9 - base) / (2 * (len(self.members) + 3)))
        if most < 1:
            raise UsageError(f"--max-ram {ram:g}: a fit needs {base / 1e9:.1f} GB before any pixel")
        return most


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit, its document and the ensemble that was frozen of it."""

    fit: Fit
    document: dict[str, Any]
    ensemble: Ensemble


def read_active(job: Job, advance: Advance = lambda n: None, eps: int = EPS) -> Active:
    """The active pixels of a job's records; `advance` is told of records."""
    ram = job.max_ram or (None if eps == EPS else LOW_RAM)
    given = (job.members, job.shared.record_ids, job.read_mask, job.folds)
    return gather(*given, eps, None if ram is None else job.pixels_in(ram), advance)


def fit_active(job: Job, active: Active, advance: Advance = lambda n: None) -> Fit:
    """Fit as planned; `advance` is told of stages."""
    groups = [job.folds.group_of[record] for record in active.record_ids]
    return fit(active, groups, job.plan, job.seed, job.jobs, advance)


def next_eps(result: Fit, asked: int) -> int | None:
    """The lower eps to read the maps from, where somebody's best threshold is the lowest candidate.

    None where all is well, where `asked` was the lowest there is, or where memory let no more pixels in.
    """
    lower = [eps for eps in LOWER_EPS if eps < asked]
    return lower[0] if lower and result.active.eps == asked and at_the_floor(result) else None


def frozen_fit(job: Job, result: Fit) -> Fitted:
    """The document of a fit and the ensemble that is frozen of it."""
    seconds = [member.seconds_per_record for member in job.members]
    document = describe(result, job.shared.missing, seconds)
    document["warnings"] += rate_shift(result.active, job.split_of)
    return Fitted(result, document, freeze(job.name, result, job.members, job.folds.sha256, document))
