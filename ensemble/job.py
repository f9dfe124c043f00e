"""Fit on what lies under a runs folder: members' cached predictions, folds, masks.

In: members' maps, folds, a way to read a mask, a options. Out: a `Fit`, its document, the frozen ensemble.
Stays outside: finding members, opening scenes, writing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ensemble.active import EPS, Active
from ensemble.fitting import Fit, fit
from ensemble.loading import LOW_RAM, ReadMask, Shared, gather, lower_eps, pixels_in
from ensemble.model import Ensemble
from ensemble.report import describe, freeze
from ensemble.strategy import FitOptions
from ensemble.warnings import at_the_floor, rate_shift
from zoo.data import Folds
from zoo.predictions import MemberMaps

Advance = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is fitted on what."""

    name: str
    options: FitOptions
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
    return gather(*given, eps, None if ram is None else pixels_in(ram, len(job.members)), advance)


def fit_active(job: Job, active: Active, advance: Advance = lambda n: None) -> Fit:
    """Fit as planned; `advance` is told of stages."""
    groups = [job.folds.group_of[record] for record in active.record_ids]
    return fit(active, groups, job.options, job.seed, job.jobs, advance)


def next_eps(result: Fit, asked: int) -> int | None:
    """The lower eps to read the maps from, where somebody's best threshold is the lowest candidate.

    None where all is well, where `asked` was the lowest there is, or where memory let no more pixels in.
    """
    return lower_eps(result.active, asked) if at_the_floor(result) else None


def frozen_fit(job: Job, result: Fit) -> Fitted:
    """The document of a fit and the ensemble that is frozen of it."""
    seconds = [member.seconds_per_record for member in job.members]
    document = describe(result, job.shared.missing, seconds)
    document["warnings"] += rate_shift(result.active, job.split_of)
    return Fitted(result, document, freeze(job.name, result, job.members, job.folds.sha256, document))
