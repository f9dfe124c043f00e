"""Audit of test-time views: which of them raise a member's out-of-fold Dice, and what they cost.

In: a trained member, scenes with labels. Out: a `ViewAudit`. Each view is computed once for each record, by the run
that held the record out, and all sets are merged from these maps. Thresholds are those of the other folds, as on the
leaderboard. Stays outside: printing, prediction sets: nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError
from core.listener import SILENT, Listener
from core.uncertainty import Estimate, dice_difference, dice_interval, paired_gain
from ensemble.active import Chunk, find_active
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.fitting import Scored, score_choice
from ensemble.out_of_fold import LOW_RAM
from ensemble.strategy import RELIABLE_Z, Strategy
from zoo.data import Folds, Record, Scenes, read_folds
from zoo.data.shift import Shift, correlation, estimate_shift
from zoo.runs import Ref, Store
from zoo.runs.find import lacking_folds, most_trained, one_per_fold
from zoo.runs.run import EndedRun, fold_names, run_records
from zoo.views import SingleView, parse_views, single_views

if TYPE_CHECKING:
    from zoo.inference import ViewBatch

PLAIN = SingleView()
EPS = 1  # of 255: the lowest threshold, unless memory holds fewer pixels
SETS = (
    *("none", "hflip", "vflip", "transpose", "rot90(180)", "flips", "hflip,rot90(90,270)", "d4"),
    *("scale(0.75)", "scale(1.25)", "scale(0.75,1.25)", "multiply(0.9,1.1)"),
)


@dataclass(frozen=True, kw_only=True)
class AuditedSet:
    """Set of views: its cross-fitted Dice, its gain over one view, its cost in units of one view."""

    name: str
    views: tuple[SingleView, ...]
    threshold: float
    dice: Estimate
    gain: Estimate
    cost: float
    shift: Shift | None = None  # of a single view: of its maps against those of the plain one, pixels

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {
            "name": self.name,
            "views": list(map(str, self.views)),
            "dice": self.dice.value,
            "interval": self.dice.bounds,
            "gain": {"value": self.gain.value, "interval": self.gain.bounds, "z": self.gain.z},
            "threshold": self.threshold,
            "cost": self.cost,
            **({"shift": self.shift.as_dict()} if self.shift else {}),
        }


@dataclass(frozen=True, kw_only=True)
class ViewAudit:
    """Views alone and sets of views of one member; proposed: the set that is no worse than the best and costs least."""

    member: Ref
    registered: bool
    label_offset: float
    records: int
    seconds: float  # of the processor, for one view of one record
    views: tuple[AuditedSet, ...]
    sets: tuple[AuditedSet, ...]
    proposed: AuditedSet

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        dice = self.sets[0].dice
        return {
            "member": self.member.member,
            "recipe": self.member.recipe,
            "registered": self.registered,
            "label_offset": self.label_offset,
            "records": self.records,
            "groups": dice.groups,
            "effective_groups": dice.effective_groups,
            "seconds_per_record": self.seconds,
            "views": [each.as_dict() for each in self.views],
            "sets": [each.as_dict() for each in self.sets],
            "proposed": self.proposed.name,
        }


def audit_views(
    store: Store,
    scenes: Scenes,
    member: Ref,
    *,
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> ViewAudit:
    """Predict what each fold of a member holds out in every view, and score views and sets of views.

    Of several seeds the lowest of each fold predicts. Sets with scales that the network cannot take are left out with a
    note. UserError if the member has no complete run.
    """
    from zoo.training import set_threads

    folds = read_folds(store.folds)
    names = fold_names("all", folds)
    found = most_trained(store, member, names, folds.sha256, listener, own_members)
    if lacking := lacking_folds(found, names, own_members):
        listener.warn(f"{lacking.what}; the others are audited", lacking.do)
    set_threads(jobs or 1)
    audit = _Audit(scenes, folds, tuple(one_per_fold(found)), _sets(found[0], listener), device, listener)
    return audit.scored(jobs)


def _sets(ended: EndedRun, listener: Listener) -> dict[str, tuple[SingleView, ...]]:
    """Views of each set that the network can compute, by the set's name."""
    from zoo.training import check_views

    found = {}
    for name in SETS:
        try:
            check_views(ended.run.recipe.final, name)
        except UsageError as error:
            listener.note(f"left out: {error.what}")
            continue
        found[name] = tuple(single_views(parse_views(name)))
    return found


@dataclass
class _Audit:
    """Audit in progress: sums over the batches that were predicted so far."""

    scenes: Scenes
    folds: Folds
    runs: tuple[EndedRun, ...]
    sets: dict[str, tuple[SingleView, ...]]
    device: str
    listener: Listener
    ids: list[str] = field(default_factory=list)
    seconds: dict[SingleView, float] = field(default_factory=dict)
    surfaces: dict[SingleView, list[NDArray[np.floating[Any]]]] = field(default_factory=dict)

    @property
    def views(self) -> tuple[SingleView, ...]:
        """Every view of the sets once, the plain one first."""
        return tuple(dict.fromkeys(view for views in self.sets.values() for view in views))

    def scored(self, jobs: int | None) -> ViewAudit:
        """Predict, and score every view and set."""
        systems = [*map(str, self.views), *(f"set {name}" for name in self.sets)]
        held = [run_records(ended.run, self.scenes, self.folds)[1] for ended in self.runs]
        with self.listener.task("views", sum(map(len, held))):
            most = int(LOW_RAM * 1e9 / (2 * (len(systems) + 3)))  # while they are joined, pixels are in memory twice
            active = find_active(self._chunks(held), systems, self.folds.fold_of, EPS, most)
        counts = BlendCounts(active, [self.folds.group_of[each] for each in active.record_ids], jobs)
        training = TrainingSet(counts, counts.folds)
        scores = [
            score_choice(name, training, Strategy(members=(number,)).choose) for number, name in enumerate(systems)
        ]
        alone = [self._row(scores, counts, number, str(view), (view,)) for number, view in enumerate(self.views)]
        first = len(alone)
        sets = [self._row(scores, counts, first + number, *entry) for number, entry in enumerate(self.sets.items())]
        recipe = self.runs[0].run.recipe.final
        return ViewAudit(
            member=self.runs[0].run.ref,
            registered=recipe.registered,
            label_offset=recipe.label_offset,
            records=len(self.ids),
            seconds=self.seconds[PLAIN] / len(self.ids),
            views=tuple(alone),
            sets=tuple(sets),
            proposed=_cheapest(sets, scores[first:], counts),
        )

    def _chunks(self, held: Sequence[Sequence[Record]]) -> Iterator[Chunk]:
        """Predict fold by fold: ids, maps of views and sets, masks."""
        from zoo.inference import predict_views

        sets = list(map(parse_views, self.sets))
        for ended, records in zip(self.runs, held):
            done = 0
            for batch in predict_views(ended.run, self.scenes, records, sets, self.device):
                some = records[done : done + len(batch.record_ids)]
                done += len(some)
                self._measure(batch)
                self.listener.advance(len(some))
                yield batch.record_ids, self._maps(batch), np.stack([self.scenes.mask(record) for record in some])

    def _maps(self, batch: ViewBatch) -> NDArray[np.uint8]:
        """Maps of each view, and the mean of each set's, as a prediction set holds them: (systems, n, 256, 256)."""
        from zoo.predictions.writer import quantise

        alone = [batch.maps[view] for view in self.views]
        merged = [np.mean([batch.maps[view] for view in views], axis=0) for views in self.sets.values()]
        return np.stack([[quantise(one, "views") for one in maps] for maps in (*alone, *merged)])

    def _measure(self, batch: ViewBatch) -> None:
        self.ids += batch.record_ids
        for view in self.views:
            self.seconds[view] = self.seconds.get(view, 0.0) + batch.seconds[view]
            pairs = zip(batch.maps[PLAIN], batch.maps[view])
            self.surfaces.setdefault(view, []).extend(correlation(*pair) for pair in pairs if view != PLAIN)

    def _row(
        self, scores: Sequence[Scored], counts: BlendCounts, number: int, name: str, views: tuple[SingleView, ...]
    ) -> AuditedSet:
        score = scores[number]
        groups = [self.folds.group_of[record] for record in self.ids]
        is_moved = len(views) == 1 and views != (PLAIN,)
        return AuditedSet(
            name=name,
            views=views,
            threshold=score.choice.threshold,
            dice=dice_interval(score.counts, counts.groups),
            gain=dice_difference(score.counts, scores[0].counts, counts.groups),
            cost=sum(self.seconds[view] for view in views) / self.seconds[PLAIN],
            shift=estimate_shift(np.array(self.surfaces[views[0]]), groups) if is_moved else None,
        )


def _cheapest(sets: Sequence[AuditedSet], scores: Sequence[Scored], counts: BlendCounts) -> AuditedSet:
    """Set with the fewest views among those that the best of them does not reliably beat."""
    known = list(zip(sets, scores))
    best = max(known, key=lambda pair: pair[0].dice.value)[1]
    as_good = [each for each, score in known if paired_gain(best.counts, score.counts, counts.groups).z <= RELIABLE_Z]
    return min(as_good, key=lambda each: (len(each.views), -each.dice.value))
