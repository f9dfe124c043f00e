"""Run: a member trained on one fold with one seed, and the records that it may see.

In: a Recipe, folds, a Store. Out: a Run, its records. Stays outside: training it (zoo.training), torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.command import Command
from core.errors import UsageError, UserError
from core.files import sha256_of
from zoo.data import Folds, Record, Scenes
from zoo.members import Recipe
from zoo.runs.names import FULL
from zoo.runs.store import Ended, RunPlace, Store


@dataclass(frozen=True, kw_only=True)
class Run(RunPlace):
    """Member trained on one fold with one seed: its place, its recipe and the split that it was trained on."""

    recipe: Recipe
    with_val: bool
    folds_sha256: str

    @property
    def taught(self) -> Recipe:
        """Recipe of this stage; of the last one for the run as a whole."""
        return self.recipe.staged[self.stage - 1]

    @property
    def stage_number(self) -> int:
        """Number of the stage from 1, the last one included; 0 for a recipe without stages."""
        return self.stage or len(self.recipe.stages)

    @property
    def stages(self) -> "tuple[Run, ...]":
        """Stages in order, the last one in the run's own folder; the run itself if it has none."""
        return (*(replace(self, stage=number) for number in range(1, len(self.recipe.staged))), replace(self, stage=0))

    @property
    def train_command(self) -> Command:
        """Command that trains this run, by the recipe in its folder."""
        return Command("zoo train", self.recipe_file, fold=self.fold, seed=self.seed or None, with_val=self.with_val)

    def was_stopped(self, result: Mapping[str, Any]) -> bool:
        """True if the result is of a run that its stop file ended; results of the first release leave it to count."""
        if "stopped" in result:
            return super().was_stopped(result)
        stages = zip(result["stages"], self.recipe.staged) if result.get("stages") else [(result, self.taught)]
        return any(stage["epochs"] < recipe.epochs and not stage.get("lost_patience") for stage, recipe in stages)

    def random_seed(self, *what: object) -> int:
        """Seed for one use, the same in every process; folds differ, so that their errors do (58th place)."""
        place = [self.hash, self.fold, self.seed] + ([f"stage {self.stage}"] if self.recipe.stages else [])
        return int(sha256_of([*place, *map(str, what)])[:15], 16)


EndedRun = Ended[Run]


def stopped_at(ended: EndedRun) -> str:
    """Stage and epoch at which the stop file ended the run, in words."""
    result, recipes = ended.result, ended.run.recipe.staged
    stages = result.get("stages") or [result]
    stage = f"stage {len(stages)} of {len(recipes)}, " if ended.run.recipe.stages else ""
    return f"{stage}epoch {stages[-1]['epochs']} of {recipes[len(stages) - 1].epochs}"


def plan_run(recipe: Recipe, fold: str, folds: Folds, store: Store, *, seed: int, with_val: bool) -> Run:
    """Plan the run of `fold` ("0" ... or "full"); UsageError for a fold that the split does not have."""
    _check_fold(fold, folds)
    return run_of(recipe, store, fold=fold, seed=seed, with_val=with_val, folds_sha256=folds.sha256)


def run_of(recipe: Recipe, store: Store, *, fold: str, seed: int, with_val: bool, folds_sha256: str) -> Run:
    """Run in the place that its recipe and split give it."""
    return Run(
        store=store,
        member=recipe.name,
        hash=recipe.hash(with_val, folds_sha256),
        fold=fold,
        seed=seed,
        recipe=recipe,
        with_val=with_val,
        folds_sha256=folds_sha256,
    )


def fold_names(fold: str, folds: Folds) -> list[str]:
    """Folds that `--fold` names: K, K-L with both ends, "all" or "full"; UsageError for one that the split lacks."""
    names = _names(folds)
    if fold == "all":
        return names
    first, dash, last = fold.partition("-")
    if dash and first in names and last in names[names.index(first) :]:
        return names[names.index(first) : names.index(last) + 1]
    _check_fold(fold, folds)
    return [fold]


def _check_fold(fold: str, folds: Folds) -> None:
    if fold not in (*_names(folds), FULL):
        several = ", some as K-L" if folds.count > 1 else ""
        raise UsageError(
            f"--fold {fold}: the split has folds 0 to {folds.count - 1}; give one of them{several}, all or full"
        )


def _names(folds: Folds) -> list[str]:
    return [str(number) for number in range(folds.count)]


def run_records(run: Run, scenes: Scenes, folds: Folds) -> tuple[list[Record], list[Record]]:
    """Records that the run trains on and records that it holds out, each sorted by id.

    A run trains on the train records outside its fold, with `with_val` on the validation records outside it too;
    it predicts every labelled record of its fold. `full` trains on all and holds none out.
    """
    labelled = sorted(scenes.labelled, key=lambda record: record.id)
    folds.require([record.id for record in labelled])
    _refuse_absent(labelled, folds)
    held = [] if run.fold == FULL else [r for r in labelled if folds.fold_of[r.id] == int(run.fold)]
    apart = {record.id for record in held}
    seen = [r for r in labelled if r.id not in apart and (run.with_val or r.split == "train")]
    if not seen:
        raise UserError(
            f"fold {run.fold}: no records to train on (validation records need --with-val); "
            "name more sources or other folds"
        )
    if run.fold != FULL and not held:
        raise UserError(
            f"fold {run.fold}: holds no labelled record of these sources; make new folds", Command("data folds")
        )
    _refuse_leak(seen, held, folds)
    return seen, held


def _refuse_absent(labelled: list[Record], folds: Folds) -> None:
    # The hash names the split: runs that saw different parts of it would be taken for runs of one member.
    absent = sorted(set(folds.fold_of) - {record.id for record in labelled})
    if absent:
        raise UserError(
            f"folds.csv lists {len(absent)} records that these sources lack, {absent[0]} first; "
            "name every source with --data, or make folds of these in another --runs"
        )


def _refuse_leak(seen: list[Record], held: list[Record], folds: Folds) -> None:
    groups = {folds.group_of[record.id] for record in held}
    for record in seen:
        if folds.group_of[record.id] in groups:
            raise UserError(f"record {record.id}: its scene group is trained on and held out; fix folds.csv")
