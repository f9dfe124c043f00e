"""Reuse of runs that are complete and predicted: a training that has nothing to do, without loading torch.

In: recipes, Scenes, a Store. Out: TrainedRuns, or what `zoo.workflows.train` makes of them. Stays outside: every case
in which something is trained, settled or predicted, or in which only the libraries that train can tell.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.listener import SILENT, Listener
from core.ranks import world_size
from zoo.data import Folds, Scenes, read_folds
from zoo.inputs import read_scaling, require_input
from zoo.logs import require_logs
from zoo.members import Recipe, pin_label_offset, require_label_offset, setting_text
from zoo.members.recipe import NAMED_WEIGHTS
from zoo.prediction_sets import set_writer
from zoo.predictions import PredictionSet
from zoo.predictions.splits import OOF
from zoo.runs import Ref, Store
from zoo.runs.find import changed_keys, read_trained_recipe, trained_recipes
from zoo.runs.leftovers import tidy
from zoo.runs.names import FULL
from zoo.runs.run import EndedRun, Run, fold_names, plan_run, run_records, stopped_at
from zoo.runs.store import OTHER_FOLDS
from zoo.schedules import lower_rate
from zoo.targets import require_target
from zoo.views import parse_views

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
        """Global Dice on the records that it holds out, at the best threshold of these records.

        If they chose its epoch, too (`ended.epoch_chosen_on`), it is a little too high. None for `full`, and where they
        hold no contrail pixel.
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
        kept = {key: value for key, value in self.ended.result.items() if key != "candidates"}
        chosen = {"epoch_chosen_on": self.ended.epoch_chosen_on}
        found = {"stages": [], "averaged": [], **kept, **chosen, "logged_stages": list(run.recipe.log.stages)}
        stopped = {"stopped": self.ended.stopped, "stopped_at": self.stopped_at}
        return {"member": run.member, "fold": run.fold, "folder": str(run.folder), **found, **stopped}


class TrainedRuns(list[TrainedRun]):
    """Runs of one call, in the order in which they were trained."""

    def to_frame(self) -> "pd.DataFrame":
        """Table with one row for each run and the columns of `TrainedRun.as_dict`."""
        import pandas as pd

        return pd.DataFrame([trained.as_dict() for trained in self])


def train_or_reuse(
    recipes: Sequence[Recipe],
    scenes: Scenes,
    store: Store,
    *,
    fold: str = "all",
    seeds: int = 1,
    seed: int = 0,
    with_val: bool = False,
    tta: str = "none",
    allow_ungrouped: bool = False,
    device: str = "auto",
    log: Sequence[str] = (),
    listener: Listener = SILENT,
    **more: Any,
) -> TrainedRuns:
    """Do as `zoo.workflows.train.train`, whose arguments it takes; torch is loaded only if there is something to do."""
    require_logs(log)
    is_alone = world_size() == 1  # else the other processes wait until `train` begins
    if is_alone and device in ("auto", "cpu") and not parse_views(tta).scales:
        found = _all_reused(recipes, scenes, store, fold, range(seed, seed + seeds), with_val, tta, allow_ungrouped)
        for each in found:
            listener.info(f"{each.run.label}: is trained already, reused")
            warn_of_dice(each.ended, listener)
        if found:
            return TrainedRuns(found)

    for recipe in recipes:
        _note_kin(pin_label_offset(recipe, scenes), store, with_val, listener)
    from zoo.workflows.train import train

    how: dict[str, Any] = {"fold": fold, "seeds": seeds, "seed": seed, "with_val": with_val, "tta": tta}
    how |= {"allow_ungrouped": allow_ungrouped, "device": device, "log": log, "listener": listener}
    return train(recipes, scenes, store, **how, **more)


def _note_kin(recipe: Recipe, store: Store, with_val: bool, listener: Listener) -> None:
    """Note a member that is trained here by other recipes alone, since nothing of these is reused."""
    if _depends_on_others(recipe) or not store.folds.exists():
        return
    changes = {}
    for digest in trained_recipes(store, recipe.name):
        with suppress(UserError):  # a damaged recipe is no hindrance to another
            changes[digest] = changed_keys(recipe, read_trained_recipe(store, Ref(recipe.name, digest))[1])
    if not changes or recipe.hash(with_val, read_folds(store.folds).sha256) in changes:
        return
    nearest = min(changes, key=lambda digest: len(changes[digest]))
    words = " ".join(setting_text(key, value) for key, value in changes[nearest].items())
    why = f"with {words}" if words else "with other folds or another --with-val"
    listener.note(f"{recipe.name}: {why} it is not {Ref(recipe.name, nearest)}, of which nothing is reused")


def _all_reused(
    recipes: Sequence[Recipe],
    scenes: Scenes,
    store: Store,
    fold: str,
    seeds: Sequence[int],
    with_val: bool,
    tta: str,
    allow_ungrouped: bool,
) -> list[TrainedRun]:
    """All runs of the recipes, if each is complete and predicted; else none."""
    if not store.folds.exists() or any(map(_depends_on_others, recipes)):
        return []
    folds = read_folds(store.folds)
    if not allow_ungrouped and fold != FULL:
        folds.require_grouped()
    planned = [
        plan_run(pin_label_offset(recipe, scenes), name, folds, store, seed=number, with_val=with_val)
        for recipe in recipes
        for number in seeds
        for name in fold_names(fold, folds)
    ]
    runs = {run.folder: run for run in planned}.values()
    if not all(run.result.exists() for run in runs):  # before the weights of others are hashed
        return []
    found: list[TrainedRun] = []
    for run in runs:
        if (reused := _reused(run, scenes, folds, tta)) is None:
            return []
        found.append(reused)
    return found


def _depends_on_others(recipe: Recipe) -> bool:
    """True if other runs, prediction sets or files decide whether a run of it is up to date."""
    weights = {stage.weights for stage in recipe.staged}
    return bool(recipe.start_from or recipe.pseudo or recipe.stages or recipe.soup > 1 or weights - {*NAMED_WEIGHTS})


def _reused(run: Run, scenes: Scenes, folds: Folds, tta: str) -> TrainedRun | None:
    """Run that is trained, settled and predicted, and whose records the sources still hold; None for any other."""
    seen, held = run_records(run, scenes, folds)
    require_input(scenes, [*seen, *held], run.recipe.input, run.recipe.frames)
    require_target(scenes, seen, run.recipe.target)
    require_label_offset(run.recipe, scenes)
    ended = run.ended()
    if not ended or not ended.done or ended.stopped or ended.waits_for_folds or run.chosen.exists() or run.all_kept():
        return None
    try:
        read_scaling(run.scaling, run.recipe.input, run.train_command)
    except UserError:  # it is gone or damaged, and can be made again
        return None
    tidy(ended)
    if run.fold == FULL:
        return TrainedRun(ended=ended, predictions=None, reused=True)
    writer = set_writer(ended, scenes, held, OOF, tta)
    if writer.missing:
        return None
    with writer:  # which notes the times of files that were only copied
        pass
    return TrainedRun(ended=ended, predictions=PredictionSet(writer.folder, writer.manifest), reused=True)


def warn_of_dice(ended: EndedRun, listener: Listener) -> None:
    """Warn of a run without a Dice, or with one of 0."""
    run = ended.run
    if ended.result["dice"] is None and run.fold != FULL:
        by_others = ended.epoch_chosen_on == OTHER_FOLDS
        which = "the other folds chose its epoch" if by_others else "its last epoch is kept"
        listener.warn(f"{run.label}: no contrail pixel in its held-out records: no Dice, and {which}")
    if ended.result["dice"] == 0:
        listener.warn(f"{run.label}: {_no_contrail_found(run.recipe)}")


def _no_contrail_found(recipe: Recipe) -> str:
    """Meaning of a Dice of 0, and the settings that may help."""
    weights = ", pretrained weights (now none)" if recipe.weights == "none" else ""
    return (
        "Dice 0: it finds no contrail of its fold at any threshold; what may help: a lower rate "
        f"({lower_rate(recipe.final)}), more epochs (now {recipe.total_epochs}){weights}"
    )
