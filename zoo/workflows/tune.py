"""Tune a member: search its recipe by the Dice of one fold, and write the result as a member.

In: a member, Scenes, a Store. Out: the trials, and a TOML file if one is better than the member as it is. Stays
outside: how a trial is drawn, trained and pruned (zoo.training.tuning), printing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.exceptions import StorageInternalError

from core.errors import UsageError, UserError
from core.files import require_folder
from core.jobs import job_count
from core.listener import SILENT, Listener
from core.locks import claim, write_output
from core.signing import signed_text
from zoo.data import Scenes, find_folds, keep_folds
from zoo.data.folds import count_of
from zoo.members import Recipe, load_member, merge_settings, pin_label_offset, with_settings
from zoo.members.space import Space, value_text
from zoo.runs import Store
from zoo.runs.run import Run
from zoo.training import Epoch, epoch_line, pin_warm_start, set_threads
from zoo.training.tuned_member import tuned_member
from zoo.training.tuning import Tuning, default_space, is_baseline, remaining_space

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Tuned:
    """Finished search of a member's recipe."""

    tuning: Tuning
    path: Path | None  # of the member that was written; None if no trial is better than the member as it is

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON: the best trial, and all of them.

        The Dice of the best trial is too high, because it was selected on this fold. It is marked, and `dice_corrected`
        is without the gain of that choice; None if trials of an earlier release kept no counts per record.
        """
        tuning, best, baseline = self.tuning, self.tuning.best, self.tuning.baseline
        rows = [
            {
                "trial": number,
                "dice": trial.value if trial.state.name == "COMPLETE" else None,
                "pruned": trial.state.name == "PRUNED",
                "epochs": max(trial.intermediate_values, default=0),
                "as_it_is": is_baseline(trial),
                "values": tuning.values_of(trial),
            }
            for number, trial in enumerate(tuning.finished)
        ]
        complete = sum(row["dice"] is not None for row in rows)
        chosen = {"chosen_among": complete, "chosen_on_own_fold": complete > 1}
        return {
            "member": tuning.recipe.name,
            "fold": tuning.fold,
            "storage": str(tuning.path),
            "path": None if self.path is None else str(self.path),
            "dice_as_it_is": baseline.value if baseline and baseline.state.name == "COMPLETE" else None,
            "best": {
                "trial": tuning.finished.index(best),
                "dice": best.value,
                "dice_corrected": tuning.best_corrected,
                "values": tuning.values_of(best),
                **chosen,
            },
            "trials": rows,
        }

    def to_frame(self) -> "pd.DataFrame":
        """Table with one row for each trial, and a column for each key that was searched."""
        import pandas as pd

        rows = self.as_dict()["trials"]
        return pd.DataFrame([{**row, **row["values"]} for row in rows]).drop(columns="values")


def tune(
    member: str,
    scenes: Scenes,
    store: Store,
    *,
    trials: int = 20,
    fold: str = "0",
    epochs: int | None = None,
    with_val: bool = False,
    sets: Mapping[str, Any] | None = None,
    out: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> Tuned:
    """Search a member's recipe over its `[tune]` table, by the Dice of one fold; write a member if a trial is better.

    member: a name, or the path of a TOML file. trials: in all, those of earlier calls included; a call that was cut off
    is resumed. epochs and sets fix keys of all trials. out: file of the member that is written, by default
    tuning/MEMBER-tuned.toml in the store. jobs: threads, by default all cores. own_members: folder of the
    user's own members.

    Nothing is started if anything is refused. Raises UsageError for a fold that cannot judge, a name of `out` that
    cannot be a member's, and if nothing is left to search; UserError for a value in the file that cannot be tried.
    """
    shipped = load_member(member, own_members)
    changes = merge_settings(sets or {}, epochs=epochs)
    recipe = pin_label_offset(with_settings(shipped, changes), scenes)
    if out:
        require_folder(out)
    path = out or store.tuned(recipe.name)
    if path.suffix != ".toml" or path.stem == recipe.name:
        raise UsageError(f"{path}: a member's file ends in .toml and must have a new name; give another --out")
    space, fixed = _space(recipe, changes)
    jobs = job_count(jobs)
    folds = find_folds(store.folds, scenes, seed, jobs, listener, store.highest_fold())
    if folds.ungrouped:
        listener.warn(
            f"the scene group of {count_of(folds.ungrouped)} is unknown: near-duplicates may be in other folds"
        )
    recipe, _ = pin_warm_start(recipe, store, [fold], folds, listener, own_members)
    tuning = Tuning(recipe=recipe, space=space, fold=fold, folds=folds, store=store, seed=seed, with_val=with_val)
    tuning.check(scenes, device)
    keep_folds(store.folds, folds, listener)
    set_threads(jobs)
    with claim(tuning.path, "is being searched"):
        listener.info(
            f"{recipe.name}: searches {', '.join(dict(space))}{_as_fixed(fixed)}; {_progress(tuning, trials)}"
        )
        tuning.remove_left()
        _search(tuning, scenes, trials, device, listener)
        if is_baseline(tuning.best):
            return Tuned(tuning, None)
        base = str(Path(member).resolve()) if member.endswith(".toml") else member
        write_output(path, signed_text(tuned_member(tuning, base, shipped)))
        return Tuned(tuning, path)


def _space(recipe: Recipe, changes: Mapping[str, Any]) -> tuple[Space, list[str]]:
    """Space to search, and the keys that the member would search but that are fixed."""
    whole = recipe.tune or default_space(recipe)
    space = remaining_space(whole, changes)
    fixed = [key for key, _ in whole if key not in dict(space)]
    if not space:
        raise UsageError(
            f"{recipe.name}: nothing is left to search, since --set or --epochs fix {', '.join(fixed)}; give fewer of "
            "them, or more keys in its [tune] table"
        )
    return space, fixed


def _search(tuning: Tuning, scenes: Scenes, trials: int, device: str, listener: Listener) -> None:
    """Train trials until as many as asked for are over, and report the result of each."""
    with listener.task(f"tune {tuning.recipe.name}", trials):
        listener.advance(len(tuning.finished))
        while (number := len(tuning.finished)) < trials:

            def report(run: Run, epoch: Epoch, number: int = number) -> None:
                listener.info(f"trial {number}{epoch_line(run, epoch)}")

            try:
                trial = tuning.next_trial(scenes, device, report, listener)
            except StorageInternalError as error:
                reason = getattr(error.__cause__, "orig", None) or error
                raise UserError(f"{tuning.path}: cannot be written ({reason}); free space and tune again") from error
            score = "pruned" if trial.state.name == "PRUNED" else f"Dice {trial.value:.4f}"
            values = "  ".join(f"{key}={value_text(value)}" for key, value in tuning.values_of(trial).items())
            listener.info(f"trial {number}: {score}  {'the member as it is' if is_baseline(trial) else values}")
            listener.advance()


def _as_fixed(keys: Sequence[str]) -> str:
    return f" ({', '.join(keys)} {'is' if len(keys) == 1 else 'are'} given and fixed)" if keys else ""


def _progress(tuning: Tuning, trials: int) -> str:
    over = len(tuning.finished)
    words = f"{over} of {trials} trials are over" if over <= trials else f"{over} trials are over, {trials} asked for"
    return f"{words}; {tuning.path}"
