"""Plan of a training: the runs of members, folds and seeds, checked; one command a run, and what each costs.

In: members, Scenes, a Store. Out: `Plan`, whose jobs can be trained in any order and at once, each by a process of its
own. Stays outside: training (zoo.workflows.train), what runs the commands.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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


def plan_training(
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
    log: Sequence[str] = (),
    listener: Listener = SILENT,
) -> Plan:
    """Plan the runs of a training and check that each can start; arguments and errors are those of `train`.

    Writes the folds if there are none, and nothing else.
    """
    require_logs(log)
    several = [members] if isinstance(members, str | Recipe) else list(members)
    loaded = load_members(several, own_members, sets, epochs=epochs, start_from=start)
    recipes = [pin_adapted_records(pin_label_offset(recipe, scenes), scenes) for recipe in loaded]
    split = folds or find_folds(store.folds, scenes, seed, job_count(jobs), listener, store.highest_fold())
    if not allow_ungrouped and fold != FULL:  # which holds nothing out that could leak
        split.require_grouped()
    names = fold_names(fold, split)
    pinned = [pin_warm_start(recipe, store, names, split, listener, own_members) for recipe in recipes]
    starts = {recipe.start_from: runs for recipe, runs in pinned}
    checked: dict[Path, Planned] = {}

    def check(recipe: Recipe, name: str, number: int) -> Planned:
        run = plan_run(recipe, name, split, store, seed=number, with_val=with_val)
        if run.folder not in checked:
            checked[run.folder] = check_run(run, scenes, split, device, starts[run.recipe.start_from])
        return checked[run.folder]

    found: dict[Path, Job] = {}  # a member that is named twice is trained once
    for given, (recipe, _) in zip(several, pinned):
        member = given if isinstance(given, str) else given.name
        for number in range(seed, seed + seeds):
            parts = with_ingredients(recipe, [number])
            for asked, together in [(fold, names)] if recipe.soup > 1 else [(name, [name]) for name in names]:
                planned = tuple(check(one, name, part) for one, part in parts for name in together)
                job = Job(member=member, recipe=recipe, fold=asked, seed=number, planned=planned)
                found.setdefault(planned[-1].run.folder, job)
    for each in checked.values():
        check_views(each.run.recipe.final, tta)
    if folds is None:
        keep_folds(store.folds, split, listener)
    else:
        save_folds(store.folds, split)
    return Plan(split, tuple(found.values()), tta)


def plan(
    members: str | Iterable[str],
    scenes: Scenes,
    store: Store,
    *,
    sets: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    with_val: bool = False,
    tta: str = "none",
    allow_ungrouped: bool = False,
    device: str = "auto",
    jobs: int | None = None,
    log: Sequence[str] = (),
    **options: Any,
) -> PlannedCommands:
    """Plan a training as one command for each run that is not complete; arguments and errors are those of `train`.

    The commands may run in any order and at once, on machines that share the folders; together they end as one `train`.
    """
    if world_size() > 1:
        raise UsageError("--plan: trains nothing; leave out torchrun")
    how: dict[str, Any] = {"with_val": with_val, "tta": tta, "allow_ungrouped": allow_ungrouped}
    changes: dict[str, Any] = {"sets": sets, "epochs": epochs}
    planned = plan_training(members, scenes, store, **how, **changes, device=device, jobs=jobs, log=log, **options)
    words = {
        "epochs": epochs,
        "set": tuple(setting_text(key, value) for key, value in (sets or {}).items()),
        **how,
        "tta": None if tta == "none" else tta,
        "device": None if device == "auto" else device,
        "jobs": jobs,
        "log": tuple(log),
    }
    return PlannedCommands(_priced(job, words, scenes, planned.folds) for job in planned.open_jobs)


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
