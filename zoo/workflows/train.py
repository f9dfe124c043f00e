"""Train members on folds: plan, train what is not complete, predict what each run holds out.

In: members, Scenes, a Store. Out: TrainedRuns, with their prediction sets in the store. Stays outside: the loop
(zoo.training), printing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.jobs import job_count
from core.listener import SILENT, Listener
from zoo.data import Folds, Scenes, find_folds, keep_folds, save_folds
from zoo.members import Recipe, load_members
from zoo.predictions import PredictionSet
from zoo.runs import Store
from zoo.runs.names import FULL
from zoo.runs.run import EndedRun, Run, fold_names, plan_run, run_records, stopped_at
from zoo.schedules import lower_rate
from zoo.targets import without_labelers
from zoo.training import (
    Planned,
    check_run,
    check_views,
    epoch_line,
    look_at,
    pin_warm_start,
    run_datasets,
    run_scaling,
    set_threads,
)
from zoo.training import train as train_run
from zoo.workflows.predict import predict_run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedRun:
    """Run that was trained or reused, and the predictions of the records that it holds out."""

    ended: EndedRun
    predictions: PredictionSet | None  # None for `full`, which holds none out
    reused: bool

    def __repr__(self) -> str:
        dice = "" if self.dice is None else f", dice={self.dice:.4f}"
        return f"TrainedRun({self.run.full_label}{dice}, reused={self.reused})"

    @property
    def run(self) -> Run:
        """Member, fold, seed and place."""
        return self.ended.run

    @property
    def dice(self) -> float | None:
        """Global Dice on the records that it holds out, at its best epoch and threshold.

        None for `full`, and where these records hold no contrail pixel.
        """
        dice: float | None = self.ended.result["dice"]
        return dice

    @property
    def stopped_at(self) -> str | None:
        """Stage and epoch at which a stop file ended the run; None if it was trained to its end."""
        return stopped_at(self.ended) if self.ended.stopped else None

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON: the run's result, with each stage's score beside the logged one."""
        run = self.run
        # results of older runs have no stages and no averaged epochs
        found = {"stages": [], "averaged": [], **self.ended.result, "logged_stages": list(run.recipe.log.stages)}
        stopped = {"stopped": self.ended.stopped, "stopped_at": self.stopped_at}
        return {"member": run.member, "fold": run.fold, "folder": str(run.folder), **found, **stopped}


class TrainedRuns(list[TrainedRun]):
    """Runs of one call, in the order in which they were trained."""

    def to_frame(self) -> "pd.DataFrame":
        """Table with one row for each run and the columns of `TrainedRun.as_dict`."""
        import pandas as pd

        return pd.DataFrame([trained.as_dict() for trained in self])


def train(
    members: str | Recipe | Iterable[str | Recipe],
    scenes: Scenes,
    store: Store,
    *,
    folds: Folds | None = None,
    fold: str = "all",
    seeds: int = 1,
    seed: int = 0,
    with_val: bool = False,
    sets: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    start: str | None = None,
    tta: str = "none",
    allow_ungrouped: bool = False,
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> TrainedRuns:
    """Train members on folds and predict the records that each run holds out; complete runs are reused.

    members: names, paths of TOML files, or recipes; sets, epochs and start change all of them. folds: the store's, made
    if there are none. fold: K, K-L, "all", or "full" for a run on all records. seeds: runs of each fold, from `seed`
    on. with_val: train on validation records outside the fold too. start: MEMBER[@HASH] whose runs of the same folds
    give the first weights. tta: views that are merged in the predictions. allow_ungrouped: train on folds with records
    whose scene group is unknown. jobs: threads, by default all cores. own_members: folder of the user's own members.

    Nothing is started if anything is refused. Raises UsageError for a name, key or fold that is not there, UserError
    for records or weights that are missing, for folds whose scene groups are unknown, and for other folds than the
    store's.
    """
    jobs = job_count(jobs)
    recipes = load_members(members, own_members, sets, epochs=epochs, start_from=start)
    split = folds or find_folds(store.folds, scenes, seed, jobs, listener)
    if not allow_ungrouped and fold != FULL:  # which holds nothing out that could leak
        split.require_grouped()
    names = fold_names(fold, split)
    pinned = [pin_warm_start(recipe, store, names, split, listener, own_members) for recipe in recipes]
    starts = {recipe.start_from: runs for recipe, runs in pinned}
    asked = [
        plan_run(recipe, name, split, store, seed=number, with_val=with_val)
        for recipe, _ in pinned
        for number in range(seed, seed + seeds)
        for name in names
    ]
    runs = {run.folder: run for run in asked}.values()  # a member that is named twice is trained once
    planned = [check_run(run, scenes, split, device, starts[run.recipe.start_from]) for run in runs]
    for run in runs:
        check_views(run.recipe.final, tta)
    if folds is None:
        keep_folds(store.folds, split, listener)
    else:
        save_folds(store.folds, split)
    set_threads(jobs)
    trainer = _Trainer(scenes, split, tta, device, jobs, listener)
    return TrainedRuns(map(trainer.trained, planned))


class _Trainer:
    """Trains planned runs, one after the other."""

    def __init__(self, scenes: Scenes, folds: Folds, tta: str, device: str, jobs: int, listener: Listener) -> None:
        self.scenes, self.folds, self.tta = scenes, folds, tta
        self.device, self.jobs, self.listener = device, jobs, listener
        self.trained_any = False

    def trained(self, planned: Planned) -> TrainedRun:
        """Train the run unless it is complete, and predict what it holds out."""
        run, info = planned.run, self.listener.info
        if self.trained_any and run.recipe.start_from:  # the run that it starts from may have been trained just now
            planned = look_at(run)
        if planned.again:
            info(f"{run.label}: {planned.again}; it is trained again")
        if planned.reused:
            run_scaling(run, self.scenes, run_records(run, self.scenes, self.folds)[0], self.jobs, self.listener)
        ended = planned.reused or self._train(run)
        if ended.stopped:
            reused = ", reused" if planned.reused else ""
            info(f"{run.label}: stopped at {stopped_at(ended)}{reused}; remove {run.stop} to train it on")
        elif planned.reused:
            info(f"{run.label}: is trained already, reused")
        predictions = self._predict(ended) if run.fold != FULL else None
        if ended.result["dice"] is None and run.fold != FULL:
            self.listener.warn(
                f"{run.label}: no contrail pixel in the records that it holds out: no Dice, and its last epoch is kept"
            )
        if ended.result["dice"] == 0:
            self.listener.warn(f"{run.label}: {_no_contrail_found(run.recipe)}")
        return TrainedRun(ended=ended, predictions=predictions, reused=planned.reused is not None)

    def _train(self, run: Run) -> EndedRun:
        self.trained_any = True
        seen, held = run_datasets(run, self.scenes, self.folds, self.jobs, self.listener)
        start = f", starts from {run.recipe.start_from}" if run.recipe.start_from else ""
        self.listener.info(f"{run.label}: trains on {len(seen)} records, holds out {len(held)}{start}; {run.folder}")
        if lacking := without_labelers(self.scenes, seen.records, run.recipe.target):
            text = f"{lacking} of {len(seen)} records have no labelers; their mask is the target"
            self.listener.info(f"{run.label}: {text}")
        self.listener.detail(f"{run.label}: {self.jobs} threads, device {self.device}")
        info = self.listener.info
        train_run(run, seen, held, self.device, self.listener, lambda epoch: info(run.label + epoch_line(run, epoch)))
        ended = run.ended()
        assert ended is not None
        return ended

    def _predict(self, ended: EndedRun) -> PredictionSet:
        _, held = run_records(ended.run, self.scenes, self.folds)
        return predict_run(ended, self.scenes, held, "oof", self.tta, self.device, self.listener)


def _no_contrail_found(recipe: Recipe) -> str:
    """Meaning of a Dice of 0, and the settings that may help."""
    weights = ", pretrained weights (now none)" if recipe.weights == "none" else ""
    return (
        "Dice 0: it finds no contrail of its fold at any threshold; what may help: a lower rate "
        f"({lower_rate(recipe.final)}), more epochs (now {recipe.total_epochs}){weights}"
    )
