"""Plan of a training: the runs of members, folds and seeds, checked; one command a run, and what each costs.

In: members, Scenes, a Store. Out: `Plan`, whose jobs can be trained in any order and at once, each by a process of its
own. Stays outside: training (zoo.workflows.train), what runs the commands.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.command import Command
from core.errors import UsageError
from core.jobs import job_count
from core.listener import SILENT, Listener
from core.ranks import world_size
from zoo.data import Folds, Scenes, find_folds, keep_folds, save_folds
from zoo.logs import require_logs
from zoo.members import Recipe, load_members, pin_label_offset
from zoo.members.costs import Cost, RunCost, cost_of, run_cost
from zoo.members.settings import setting_text
from zoo.models.costs import count
from zoo.predictions.splits import OOF
from zoo.runs import Store
from zoo.runs.names import FULL
from zoo.runs.run import fold_names, plan_run, run_records
from zoo.training import Planned, check_run, check_views, pin_adapted_records, pin_warm_start, with_ingredients
from zoo.workflows.predict import is_predicted

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True)
class Job:
    """Part of a plan that one process trains: one run, or a soup of all folds asked for with the runs that it averages.

    A soup averages weights whose epochs the other folds choose, so its folds are trained together.
    """

    member: str  # as it was given
    recipe: Recipe  # with what it starts and learns from pinned
    fold: str  # as --fold takes it
    seed: int
    planned: tuple[Planned, ...]

    @property
    def label(self) -> str:
        """Member, fold and seed, in words."""
        return f"{self.recipe.name} fold {self.fold}" + (f" seed {self.seed}" if self.seed else "")

    def is_complete(self, tta: str) -> bool:
        """True if the runs are trained to their end and the records that they hold out are predicted."""
        return all(each.reused and is_predicted(each.run, OOF, tta) for each in self.planned)

    @property
    def waits_for_folds(self) -> bool:
        """True if the epoch of a run is still to be chosen by the other folds."""
        return any(each.reused and each.reused.waits_for_folds for each in self.planned)


@dataclass(frozen=True, eq=False)
class Plan:
    """Jobs of a training, in order, and the split that they train on."""

    folds: Folds
    jobs: tuple[Job, ...]
    tta: str

    @property
    def planned(self) -> list[Planned]:
        """Runs of all jobs, each once."""
        return list({each.run.folder: each for job in self.jobs for each in job.planned}.values())

    @property
    def open_jobs(self) -> list[Job]:
        """Jobs that are not complete.

        If all folds of a recipe and seed are trained and none has its epoch chosen by the others yet, because the
        process that should do it was killed, the first of them.
        """
        found = []
        for _, jobs in groupby(self.jobs, key=lambda job: (job.recipe, job.seed)):
            together = list(jobs)
            left = [job for job in together if not job.is_complete(self.tta)]
            waiting = [job for job in together if job.waits_for_folds]
            found += left or (waiting[:1] if len(together) == self.folds.count else [])
        return found


@dataclass(frozen=True, eq=False)
class PlannedCommand:
    """Command that trains one job, and what it costs."""

    job: Job
    command: Command
    trained_on: int
    held_out: int
    cost: RunCost | None  # None for a network that cannot be counted

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        run, cost = self.job.planned[-1].run, self.cost
        named = {"member": run.member, "recipe": run.hash, "fold": self.job.fold, "seed": self.job.seed}
        records = {"trained_on": self.trained_on, "held_out": self.held_out}
        costs = {key: getattr(cost, key, None) for key in ("gpu_gb", "gpu_hours", "core_hours", "disk_mb")}
        return {**named, "command": self.command.words, **records, **costs}


class PlannedCommands(list[PlannedCommand]):
    """Commands of the jobs that are not complete."""

    def to_frame(self) -> "pd.DataFrame":
        """Table with one row for each command and the columns of `PlannedCommand.as_dict`."""
        import pandas as pd

        return pd.DataFrame([planned.as_dict() for planned in self])


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """What is asked of a training.

    folds: the store's, made if there are none. fold: K, K-L, "all", or "full" for a run on all records. seeds: runs of
    each fold, from `seed` on; a recipe with `soup` comes behind the runs that it averages. with_val: train on
    validation records outside the fold too. sets, epochs, start: change all members; start is MEMBER[@HASH] whose runs
    of the same folds give the first weights. tta: views that are merged in the predictions. allow_ungrouped: train on
    folds with records whose scene group is unknown. jobs: threads, by default all cores. own_members: folder of the
    user's own members. log: logs to write beside the runs' own, such as "tensorboard", in `store.logs`. max_ram: GB
    of this process from which a quarter is left free by the records that are kept in memory.
    """

    folds: Folds | None = None
    fold: str = "all"
    seeds: int = 1
    seed: int = 0
    with_val: bool = False
    sets: Mapping[str, Any] | None = None
    epochs: int | None = None
    start: str | None = None
    tta: str = "none"
    allow_ungrouped: bool = False
    device: str = "auto"
    jobs: int | None = None
    own_members: Path | None = None
    log: Sequence[str] = ()
    max_ram: float | None = None

    def of_job(self, job: Job) -> "Asked":
        """The same for one job of its plan, whose recipe has all changes."""
        return replace(self, folds=None, fold=job.fold, seed=job.seed, seeds=1, sets=None, epochs=None, start=None)

    @property
    def options(self) -> dict[str, Any]:
        """Options of the command line, but for the member and its place."""
        return {
            "epochs": self.epochs,
            "set": tuple(setting_text(key, value) for key, value in (self.sets or {}).items()),
            "with_val": self.with_val,
            "tta": None if self.tta == "none" else self.tta,
            "allow_ungrouped": self.allow_ungrouped,
            "device": None if self.device == "auto" else self.device,
            "jobs": self.jobs,
            "log": tuple(self.log),
            "max_ram": self.max_ram,
        }


def plan_training(
    members: str | Recipe | Iterable[str | Recipe],
    scenes: Scenes,
    store: Store,
    asked: Asked,
    listener: Listener = SILENT,
) -> Plan:
    """Plan the runs of a training and check that each can start; errors are those of `train`.

    Writes the folds if there are none, and nothing else.
    """
    require_logs(asked.log)
    several = [members] if isinstance(members, str | Recipe) else list(members)
    loaded = load_members(several, asked.own_members, asked.sets, epochs=asked.epochs, start_from=asked.start)
    recipes = [pin_adapted_records(pin_label_offset(recipe, scenes), scenes) for recipe in loaded]
    threads = job_count(asked.jobs)
    split = asked.folds or find_folds(store.folds, scenes, asked.seed, threads, listener, store.highest_fold())
    if not asked.allow_ungrouped and asked.fold != FULL:  # which holds nothing out that could leak
        split.require_grouped()
    names = fold_names(asked.fold, split)
    pinned = [pin_warm_start(recipe, store, names, split, listener, asked.own_members) for recipe in recipes]
    starts = {recipe.start_from: runs for recipe, runs in pinned}
    checked: dict[Path, Planned] = {}

    def check(recipe: Recipe, name: str, number: int) -> Planned:
        run = plan_run(recipe, name, split, store, seed=number, with_val=asked.with_val)
        if run.folder not in checked:
            checked[run.folder] = check_run(run, scenes, split, asked.device, starts[run.recipe.start_from])
        return checked[run.folder]

    found: dict[Path, Job] = {}  # a member that is named twice is trained once
    for given, (recipe, _) in zip(several, pinned):
        member = given if isinstance(given, str) else given.name
        for number in range(asked.seed, asked.seed + asked.seeds):
            parts = with_ingredients(recipe, [number])
            for fold, together in [(asked.fold, names)] if recipe.soup > 1 else [(name, [name]) for name in names]:
                planned = tuple(check(one, name, part) for one, part in parts for name in together)
                job = Job(member=member, recipe=recipe, fold=fold, seed=number, planned=planned)
                found.setdefault(planned[-1].run.folder, job)
    for each in checked.values():
        check_views(each.run.recipe.final, asked.tta)
    if asked.folds is None:
        keep_folds(store.folds, split, listener)
    else:
        save_folds(store.folds, split)
    return Plan(split, tuple(found.values()), asked.tta)


def plan(
    members: str | Iterable[str], scenes: Scenes, store: Store, *, listener: Listener = SILENT, **options: Any
) -> PlannedCommands:
    """Plan a training as one command for each run that is not complete; arguments and errors are those of `train`.

    The commands may run in any order and at once, on machines that share the folders; together they end as one `train`.
    """
    if world_size() > 1:
        raise UsageError("--plan: trains nothing; leave out torchrun")
    asked = Asked(**options)
    planned = plan_training(members, scenes, store, asked, listener)
    return PlannedCommands(_priced(job, asked.options, scenes, planned.folds) for job in planned.open_jobs)


def _priced(job: Job, words: Mapping[str, Any], scenes: Scenes, folds: Folds) -> PlannedCommand:
    seen, held = run_records(job.planned[-1].run, scenes, folds)
    place = {"fold": job.fold, "seed": job.seed or None, "from": job.recipe.start_from or None}
    command = Command("zoo train", job.member, **place, **words)
    runs = sum(not each.reused for each in job.planned) or 1
    return PlannedCommand(job, command, len(seen), len(held), run_cost(job.recipe, len(seen), len(held), runs, _count))


@lru_cache(maxsize=64)
def _count(stage: Recipe) -> Cost | None:
    with suppress(NotImplementedError):  # an operation that needs values
        return cost_of(stage) or count(stage)
    return None
