"""Train members on folds: train what is not complete, predict what each run holds out.

In: members, Scenes, a Store. Out: TrainedRuns, with their prediction sets in the store. Stays outside: which runs those
are (zoo.workflows.plan), the loop (zoo.training), printing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from core.cluster import Unit, run_units
from core.command import Command
from core.errors import UserError
from core.jobs import job_count
from core.listener import SILENT, Listener
from core.words import counted
from zoo.data import Folds, Scenes, open_scenes
from zoo.epoch_choice import Curve
from zoo.members import Recipe
from zoo.predictions import PredictionSet
from zoo.predictions.splits import OOF
from zoo.runs import Store
from zoo.runs.names import FULL
from zoo.runs.run import EndedRun, Run, fold_names, run_records, stopped_at
from zoo.runs.store import HELD_OUT, LAST, OTHER_FOLDS
from zoo.runtime.memory import limit_memory
from zoo.targets import without_labelers
from zoo.training import (
    Planned,
    RecordDataset,
    adapt,
    average_seeds,
    epoch_line,
    look_at,
    read_curve,
    run_datasets,
    run_scaling,
    set_threads,
    settle,
    settling_lock,
)
from zoo.training import train as train_run
from zoo.training.team import joined, tell
from zoo.workflows.plan import Asked, Job, plan_training
from zoo.workflows.predict import not_shared, predict_run
from zoo.workflows.reuse import TrainedRun, TrainedRuns, warn_of_dice


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
    on: str | None = None,
    log: Sequence[str] = (),
    max_ram: float | None = None,
    listener: Listener = SILENT,
) -> TrainedRuns:
    """Train members on folds and predict the records that each run holds out; complete runs are reused.

    Once all folds of a recipe and seed are trained, in this call or before, the other folds choose the epoch of each.

    members: names, paths of TOML files, or recipes. on: address of a Dask scheduler whose workers do the work; they
    must find `scenes` and `store` at the same paths. The other arguments are those of `zoo.workflows.plan.Asked`.

    Nothing is started if anything is refused. Raises UsageError for a name, key or fold that is not there, UserError
    for records or weights that are missing, for folds whose scene groups are unknown, and for other folds than the
    store's.
    """
    asked = Asked(
        folds=folds, fold=fold, seeds=seeds, seed=seed, with_val=with_val, sets=sets, epochs=epochs, start=start,
        tta=tta, allow_ungrouped=allow_ungrouped, device=device, jobs=jobs, own_members=own_members, log=log,
        max_ram=max_ram,
    )  # fmt: skip
    return _train(members, scenes, store, asked, on, listener)


def _train(
    members: str | Recipe | Iterable[str | Recipe],
    scenes: Scenes,
    store: Store,
    asked: Asked,
    on: str | None,
    listener: Listener,
) -> TrainedRuns:
    plan = plan_training(members, scenes, store, asked, listener)
    if on and plan.open_jobs:
        run_units(on, [_unit(job, scenes, store, asked) for job in plan.open_jobs], listener)
        plan = plan_training(members, scenes, store, asked)
        if plan.open_jobs:
            raise not_shared(store.root, on)
    limit_memory(asked.max_ram)
    jobs = job_count(asked.jobs)
    set_threads(jobs)
    trainer = _Trainer(scenes, plan.folds, asked.tta, asked.device, jobs, asked.log, listener)
    together = groupby(plan.planned, key=lambda each: (each.run.ref, each.run.seed))
    with joined(asked.device):
        return TrainedRuns(each for _, of_one in together for each in trainer.train(of_one))


def _unit(job: Job, scenes: Scenes, store: Store, asked: Asked) -> Unit:
    """Unit of work that trains a job on any machine that has the same folders."""
    work = partial(_train_job, job.recipe, scenes.paths, store.root.absolute(), asked.of_job(job))
    return Unit(job.label, work)


def _train_job(recipe: Recipe, sources: Sequence[Path], root: Path, asked: Asked, listener: Listener) -> None:
    _train(recipe, open_scenes(sources), Store(root), asked, None, listener)


class _Trainer:
    """Trainer of planned runs, one recipe and seed after the other."""

    def __init__(
        self,
        scenes: Scenes,
        folds: Folds,
        tta: str,
        device: str,
        jobs: int,
        log: Sequence[str],
        listener: Listener,
    ) -> None:
        self.scenes, self.folds, self.tta = scenes, folds, tta
        self.device, self.jobs, self.log, self.listener = device, jobs, log, listener
        self.weights_changed = False  # of any run so far
        self.told_of_validation = False

    def train(self, planned: Iterable[Planned]) -> Iterator[TrainedRun]:
        """Train incomplete runs, let the folds choose each other's epochs, and predict the held-out records of each.

        planned: folds of one recipe and seed.
        """
        trained = [self._trained(each) for each in planned]
        settled = self._settled([each.ended for each in trained])
        for each, waiting in zip(trained, settled):
            ended, predictions = self._predicted(waiting)
            warn_of_dice(ended, self.listener)
            yield replace(each, ended=ended, predictions=predictions)

    def _trained(self, planned: Planned) -> TrainedRun:
        """Train the run unless it is complete."""
        run, info = planned.run, self.listener.info
        if self.weights_changed and run.recipe.start_from:  # also those that it starts from or averages, perhaps
            planned = look_at(run)
        if planned.again:
            info(f"{run.label}: {planned.again}; it is trained again")
        if planned.reused:
            run_scaling(run, self.scenes, run_records(run, self.scenes, self.folds)[0], self.jobs, self.listener)
        ended = planned.reused
        if not ended:
            with run.claimed():  # another process may have trained it since it was planned
                ended = look_at(run).reused or self._train(run)
        if ended.stopped:
            reused = ", reused" if planned.reused else ""
            info(f"{run.label}: stopped at {stopped_at(ended)}{reused}; remove {run.stop} to train it on")
        elif planned.reused:
            info(f"{run.label}: is trained already, reused")
        return TrainedRun(ended=ended, predictions=None, reused=planned.reused is not None)

    def _train(self, run: Run) -> EndedRun:
        self.weights_changed = True
        seen, held = self._datasets(run)
        recipe = run.recipe
        start = f", starts from {recipe.start_from}" if recipe.start_from else ""
        if recipe.soup > 1:
            does, start = f"averages {recipe.soup} runs", ""
        elif recipe.adapt:
            does, start = f"adapts {recipe.start_from}", ""
        else:
            does = f"trains on {counted(len(seen), 'record')}"
        self.listener.info(f"{run.label}: {does}, holds out {len(held)}{start}; {run.folder}")
        if not (run.with_val or self.told_of_validation):
            self._tell_of_validation()
        if lacking := without_labelers(self.scenes, seen.records, run.recipe.target):
            text = f"{lacking} of {len(seen)} records have no labelers; their mask is the target"
            self.listener.info(f"{run.label}: {text}")
        self.listener.detail(f"{run.label}: {self.jobs} threads, device {self.device}")
        if run.recipe.soup > 1:
            average_seeds(run, seen, held, self.device)
        elif run.recipe.adapt:
            adapt(run, self.scenes, held, seen.scaling, self.device, self.listener)
        else:
            info, label = self.listener.info, run.label
            tell("run", run, self.folds)
            where = (self.device, self.listener)
            train_run(run, seen, held, *where, lambda epoch: info(label + epoch_line(run, epoch)), logs=self.log)
        ended = run.ended()
        assert ended is not None
        return ended

    def _tell_of_validation(self) -> None:
        """Say once how many validation records are not trained on."""
        self.told_of_validation = True
        if number := sum(record.split == "validation" for record in self.scenes.labelled):
            self.listener.info(f"{counted(number, 'validation record')} not trained on; --with-val adds them")

    def _settled(self, ended: Sequence[EndedRun]) -> Sequence[EndedRun]:
        """Runs with the epoch chosen by the other folds, if all folds of their recipe and seed are trained."""
        if not any(each.waits_for_folds for each in ended):
            return ended
        others = self._other_folds(ended)
        curves = self._curves([each for each in (*others, *ended) if not each.stopped])
        if len(curves) < self.folds.count:
            self._tell_of_waiting([each for each in ended if each.waits_for_folds])
            return ended
        with settling_lock(ended[0].run, self.listener):  # another process may just have settled some of them
            # Those of this call last: if the process is killed before, the same call finds that there is more to do.
            settled = [self._settle(each, curves) for each in (*others, *ended)]
        return settled[len(others) :]

    def _other_folds(self, ended: Sequence[EndedRun]) -> list[EndedRun]:
        """Complete runs of the other folds of the recipe and seed."""
        here = {each.run.fold for each in ended}
        found = []
        for fold in fold_names("all", self.folds):
            if fold not in here:
                with suppress(UserError):  # the run that it started from is gone
                    found.append(look_at(replace(ended[0].run, fold=fold)).reused)
        return [each for each in found if each]

    def _curves(self, ended: Sequence[EndedRun]) -> dict[str, Curve]:
        """Dice after each epoch, by fold; unreadable lines are a warning."""
        curves = {}
        for each in ended:
            try:
                curves[each.run.fold] = read_curve(each)
            except UserError as error:
                self.listener.warn(f"{error.what}; the epochs of this recipe cannot be chosen by other folds", error.do)
        return curves

    def _settle(self, ended: EndedRun, curves: Mapping[str, Curve]) -> EndedRun:
        """Settle a run that waits for the other folds, and predict again if it was predicted before."""
        run, before = ended.run, ended.weights_sha256
        now = run.ended() if ended.waits_for_folds else None
        if not now:
            return ended
        if not now.waits_for_folds:
            return now
        settled = settle(now, curves, lambda: self._datasets(run)[1], self.device)
        self.listener.info(f"{run.label}: {_epoch_words(settled)}")
        if settled.weights_sha256 != before:
            self.weights_changed = True
            for place in run.store.sets(OOF, run.member):
                if place.run.folder == run.folder:
                    self._predict(settled, place.tta)
        return settled

    def _tell_of_waiting(self, waiting: Sequence[EndedRun]) -> None:
        run = waiting[0].run
        labels = f"{run.member} fold {', '.join(each.run.name.words for each in waiting)}"
        kept = sum(len(each.result["candidates"]) * each.run.best.stat().st_size for each in waiting)
        self.listener.info(
            f"{labels}: the epoch is chosen on the fold that scores it, so the Dice is a little too high until all "
            f"folds are trained and the others choose it; weights to choose from: {kept / 1e6:.1f} MB",
            Command("zoo train", run.recipe_file, fold="all", seed=run.seed or None, with_val=run.with_val),
        )

    def _datasets(self, run: Run) -> tuple[RecordDataset, RecordDataset]:
        return run_datasets(run, self.scenes, self.folds, self.jobs, self.listener)

    def _predicted(self, ended: EndedRun) -> tuple[EndedRun, PredictionSet | None]:
        """Predict the records that a run holds out, with its weights of now; None for `full`.

        While it waits for the other folds, a process that trains the last of them may choose its epoch, and predict
        again the sets that are complete by then: those of the epoch before are not complete, or fail.
        """
        if ended.run.fold == FULL:
            return ended, None
        try:
            predictions = self._predict(ended, self.tta)
        except UserError:
            if not self._chosen_meanwhile(ended):
                raise
        now = self._chosen_meanwhile(ended)
        return (now, self._predict(now, self.tta)) if now else (ended, predictions)

    def _chosen_meanwhile(self, ended: EndedRun) -> EndedRun | None:
        """The run with the epoch that another process has chosen since `ended` was read; None if none has."""
        if not ended.waits_for_folds:
            return None
        with settling_lock(ended.run, self.listener):
            return None if ended.run.all_kept() else ended.run.ended()

    def _predict(self, ended: EndedRun, tta: str) -> PredictionSet:
        _, held = run_records(ended.run, self.scenes, self.folds)
        return predict_run(ended, self.scenes, held, OOF, tta, self.device, self.listener)


def _epoch_words(settled: EndedRun) -> str:
    """Epoch of a settled run, or the averaged epochs, and what chose it, in words."""
    result = settled.result
    epochs = "+".join(map(str, result["averaged"])) or str(result["best_epoch"])
    by = {
        OTHER_FOLDS: "by the other folds",
        LAST: "by rule, since no other fold holds a contrail pixel",
        HELD_OUT: "on the fold itself, since it shares no candidate with the others",
    }
    return f"epoch {epochs} of {result['epochs']}, chosen {by[settled.epoch_chosen_on]}"
