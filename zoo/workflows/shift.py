"""Shift of labels that a trained member shows: its maps of mirrored scenes lie off by twice the offset.

In: a trained member, scenes with labels. Out: a `ViewShift`. A network that predicts labels where they lie predicts
them down and right of the contrails in a mirrored scene, too: mirrored back, its map lies off to the other side. Stays
outside: labels alone (zoo.data.shift), printing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.jobs import job_count
from core.listener import SILENT, Listener
from core.uncertainty import Estimate
from zoo.data import Folds, Scenes, read_folds
from zoo.data.shift import Floats, Shift, correlation, estimate_shift
from zoo.inference import predict_views
from zoo.runs import Ref, Store
from zoo.runs.find import most_trained, one_per_fold
from zoo.runs.run import EndedRun, fold_names, run_records
from zoo.training import set_threads
from zoo.views import SingleView, parse_views

PLAIN, VFLIP, HFLIP = SingleView(), SingleView(vflip=True), SingleView(hflip=True)
MIRRORING = ("flips", "d4")  # augmentations


@dataclass(frozen=True, kw_only=True)
class ViewShift:
    """Shift that puts a member's maps on the contrails, of its held-out records.

    learned: the offset at which training mirrored labels, which the member's maps then have, wherever the labels lie;
    None if training never mirrored any: then the shift is evidence of the labels' own.
    """

    member: Ref
    records: int
    shift: Shift
    learned: float | None

    @property
    def verdict(self) -> str:
        """What the shift is evidence of."""
        if self.learned is None:
            return "training mirrored no label: this is where the labels lie"
        at = f"training mirrored labels at {self.learned:g} px"
        return f"{at}: this is what it learned, and no evidence of where they lie"

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        named = {"member": self.member.member, "recipe": self.member.recipe, "records": self.records}
        return {**named, **self.shift.as_dict(), "learned_offset": self.learned}


def measure_view_shift(
    store: Store,
    scenes: Scenes,
    member: Ref,
    *,
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> ViewShift:
    """Predict the held-out records of a member and their mirror images, and measure the shift between the maps.

    Of several seeds the lowest of each fold predicts. UserError if the member has no complete run.
    """
    folds = read_folds(store.folds)
    found = most_trained(store, member, fold_names("all", folds), folds.sha256, listener, own_members)
    set_threads(job_count(jobs))
    ids: list[str] = []
    rows: list[Floats] = []
    columns: list[Floats] = []
    for ended in one_per_fold(found):
        for record_id, up_down, left_right in _correlations(ended, scenes, folds, device, listener):
            ids.append(record_id)
            rows.append(up_down)
            columns.append(left_right)
    groups = [folds.group_of[record_id] for record_id in ids]
    dy = estimate_shift(np.array(rows), groups).dy
    dx = estimate_shift(np.array(columns), groups).dx
    recipe = found[0].run.recipe
    names = {term.name for stage in recipe.staged for term in stage.augment_terms}
    learned = recipe.final.view_offset if names.intersection(MIRRORING) else None
    return ViewShift(member=found[0].run.ref, records=len(ids), shift=Shift(_half(dy), _half(dx)), learned=learned)


def _correlations(
    ended: EndedRun, scenes: Scenes, folds: Folds, device: str, listener: Listener
) -> Iterator[tuple[str, Floats, Floats]]:
    """Record ids, and the correlation of each map with those of the record mirrored up-down and left-right."""
    _, held = run_records(ended.run, scenes, folds)
    sets = [parse_views(name) for name in ("none", "vflip", "hflip")]
    with listener.task(f"{ended.run.label} mirrored", len(held)):
        for batch in predict_views(ended.run, scenes, held, sets, device, offset=0.0):
            maps = (batch.maps[view] for view in (PLAIN, VFLIP, HFLIP))
            for record_id, plain, vflip, hflip in zip(batch.record_ids, *maps):
                centred = plain - plain.mean()  # else what enters at the borders counts
                yield record_id, correlation(centred, vflip), correlation(centred, hflip)
            listener.advance(len(batch.record_ids))


def _half(estimate: Estimate) -> Estimate:
    interval = estimate.interval and (estimate.interval[0] / 2, estimate.interval[1] / 2)
    return replace(estimate, value=estimate.value / 2, error=estimate.error / 2, interval=interval)
