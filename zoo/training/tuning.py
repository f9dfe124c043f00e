"""Tuning: a search of a member's recipe by Optuna; each trial is a run of one fold, scored by its Dice and pruned.

In: a recipe, a space, a fold. Out: the trials, in one SQLite file, and the best recipe. The Dice of the best trial is
optimistic, since it was chosen on its fold; each trial keeps its counts per record, by which that is corrected. The run
of a trial is removed when the trial is finished.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from core.command import Command
from core.errors import UsageError, UserError, is_out_of_memory
from core.files import make_folder, sha256_of
from core.listener import SILENT, Listener, Silent
from core.signing import DIGEST
from core.simultaneous import selection_optimism
from zoo.data import Folds, Scenes
from zoo.inference import load_network
from zoo.losses import recipe_loss
from zoo.members import Recipe, with_settings
from zoo.members.recipe import KEYS
from zoo.members.space import Choice, Range, Space
from zoo.runs import Store
from zoo.runs.epochs import Epoch, read_epochs
from zoo.runs.run import Run, plan_run, run_records
from zoo.runs.trials import ENDED, check_database, check_trials, trial_digest
from zoo.runtime.devices import choose_device
from zoo.training.dataset import RecordDataset, run_datasets
from zoo.training.loop import train
from zoo.training.optimizers import check_optimizer
from zoo.training.preflight import check_run
from zoo.training.scoring import NotFinite, score_records
from zoo.training.warm_start import pin_warm_start

STARTUP = 5  # random trials before the sampler models them and the pruner acts
BASELINE = "as_it_is"  # attribute of the trial of the member itself, with no key changed
COUNTS = "counts"  # attribute of a complete trial: counts of each held-out record, in the order of the ids


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Search of a recipe's keys in a space, on one fold; the same search finds its file of trials again."""

    recipe: Recipe
    space: Space
    fold: str
    folds: Folds
    store: Store
    seed: int = 0
    with_val: bool = False

    def __post_init__(self) -> None:
        if self.fold not in map(str, range(self.folds.count)):
            raise UsageError(
                f"--fold {self.fold}: trials are compared by the Dice of one fold, and the split has folds 0 to "
                f"{self.folds.count - 1}; give one of them"
            )
        if self.recipe.adapt or self.recipe.soup > 1:
            what = "adapt" if self.recipe.adapt else "soup"
            raise UsageError(f"{self.recipe.name}: {what}: trials are single runs that train; tune without {what}")
        for key, entry in self.space:
            for value in entry.tried:
                with _fault_of_value(self.recipe, entry, value):
                    with_settings(self.recipe, {key: value})

    def check(self, scenes: Scenes, device_name: str) -> None:
        """Raise UserError if the member, or a value of the space, cannot be trained: checked before the first trial."""

        def planned(values: Mapping[str, Any]) -> Run:
            return self._plan(self._with(values))

        check_run(planned({}), scenes, self.folds, device_name)
        _, held = run_records(planned({}), scenes, self.folds)
        if not any(scenes.mask(record).any() for record in held):
            raise UserError(f"fold {self.fold} holds no contrail pixel: its Dice ranks no trial; give another --fold")
        for key, entry in self.space:
            for value in entry.tried:
                with _fault_of_value(self.recipe, entry, value):
                    run = planned({key: value})
                    if KEYS[key.rpartition(".")[2]].asks_run:
                        check_run(run, scenes, self.folds, device_name)
                    for recipe in run.recipe.staged:
                        recipe_loss(recipe)
                        check_optimizer(recipe, choose_device(device_name))

    @property
    def path(self) -> Path:
        """Path of the file of trials; its name is the hash of the search, whatever its length."""
        what = {
            "recipe": self.recipe.hash(self.with_val, self.folds.sha256),
            "space": [[key, repr(entry)] for key, entry in self.space],
            "fold": self.fold,
            "seed": self.seed,
        }
        return self.store.tuning(self.recipe.name, sha256_of(what)[:12])

    def run_of(self, values: Mapping[str, Any]) -> Run:
        """Run of a trial: beside the member's own, under another name."""
        return self._plan(replace(self._with(values), name=f"{self.recipe.name}.tuning"))

    def _with(self, values: Mapping[str, Any]) -> Recipe:
        """Recipe with these values, its weights and start pinned as those of any run are."""
        return pin_warm_start(with_settings(self.recipe, values), self.store, [self.fold], self.folds)[0]

    def _plan(self, recipe: Recipe) -> Run:
        return plan_run(recipe, self.fold, self.folds, self.store, seed=self.seed, with_val=self.with_val)

    @cached_property
    def study(self) -> optuna.Study:
        """Study of Optuna, created or opened; UserError for a file that is not Optuna's or was changed."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        make_folder(self.path.parent)
        check_database(self.path, self.recipe.name)
        try:
            return optuna.create_study(
                storage=f"sqlite:///{self.path.resolve()}",
                study_name=self.recipe.name,
                direction="maximize",
                pruner=optuna.pruners.MedianPruner(
                    n_startup_trials=STARTUP, n_warmup_steps=self.recipe.total_epochs // 4
                ),
                load_if_exists=True,
            )
        except Exception as error:  # SQLAlchemy raises many kinds for a torn file
            if is_out_of_memory(error):
                raise
            raise UserError(f"{self.path}: is not a file of trials ({type(error).__name__}); move it away") from error

    @property
    def finished(self) -> list[FrozenTrial]:
        """Trials that ended, complete or pruned; raises Damaged if one was changed."""
        return check_trials(self.study, self.path)

    @property
    def best(self) -> FrozenTrial:
        """Trial with the highest Dice; UserError if none is complete."""
        complete = [trial for trial in self.finished if trial.state == TrialState.COMPLETE]
        if not complete:
            raise UserError(
                f"{self.recipe.name}: no trial has a finite Dice; search lower learning rates, or check the data",
                Command("data check"),
            )
        return max(complete, key=lambda trial: (trial.value, is_baseline(trial), -trial.number))

    @property
    def best_corrected(self) -> float | None:
        """Dice of the best trial without the gain of having been chosen as the highest; None for older trials.

        What the choice of each trial's own epoch and threshold gains is not corrected.
        """
        complete = [trial for trial in self.finished if trial.state == TrialState.COMPLETE]
        counts = [np.array(trial.user_attrs.get(COUNTS, ()), np.int64) for trial in complete]
        groups = [self.folds.group_of[name] for name in sorted(self.folds.fold_of) if self._holds(name)]
        if self.best.value is None or any(one.shape != (len(groups), 3) for one in counts):
            return None
        return self.best.value - selection_optimism(counts, groups)

    def _holds(self, record_id: str) -> bool:
        return self.folds.fold_of[record_id] == int(self.fold)

    @property
    def baseline(self) -> FrozenTrial | None:
        """Trial of the member itself, once it has ended; else None."""
        return next(filter(is_baseline, self.finished), None)

    @property
    def own_values(self) -> dict[str, Any]:
        """The member's own values of the searched keys; None for a key in which its stages differ."""
        return {key: _own(self.recipe, key) for key, _ in self.space}

    @property
    def _own_params(self) -> dict[str, Any]:
        """The member's own values that lie in the space, as Optuna knows them."""
        return {key: _encode(entry, self.own_values[key]) for key, entry in self.space if self.own_values[key] in entry}

    def values_of(self, trial: FrozenTrial) -> dict[str, Any]:
        """Values that the trial gives the recipe's keys."""
        if is_baseline(trial):
            return self.own_values
        return {key: _decode(entry, trial.params[key]) for key, entry in self.space}

    def next_trial(
        self,
        scenes: Scenes,
        device_name: str = "auto",
        report: Callable[[Run, Epoch], None] = lambda run, epoch: None,
        listener: Listener = SILENT,
    ) -> FrozenTrial:
        """Train one trial to its end, or until it falls behind the others' medians; one cut off before is resumed.

        `report` is called once an epoch. The listener hears what the trial's run says, but no steps.
        """
        listener = _TrialListener(listener, len(self.finished))
        self._resume()
        self.study.sampler = self._sampler()
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        itself = bool(waiting) and is_baseline(waiting[0])
        asked = self._own_params if itself else dict(self.space)
        trial = self.study.ask({key: _distribution(entry) for key, entry in self.space if key in asked})
        try:
            run = self.run_of({} if itself else self.values_of(self._frozen(trial.number)))
        except UserError:  # values that are valid alone but not together: the search continues without this trial
            return self._end(trial, TrialState.PRUNED)

        values = self.values_of(self._frozen(trial.number))
        same = next((number for number, other in enumerate(self.finished) if self.values_of(other) == values), None)
        if same is not None:  # it would give the same bits
            listener.info(f"has the same values as trial {same} and is not trained again")
            return self._copy_result(trial, self.finished[same])

        def judge(epoch: Epoch) -> None:
            if epoch.dice is None:  # not scored
                return
            before = sum(recipe.epochs for recipe in run.recipe.staged[: max(epoch.stage - 1, 0)])
            trial.report(epoch.dice, before + epoch.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        def report_and_judge(epoch: Epoch) -> None:
            report(run, epoch)
            judge(epoch)

        with run.claimed():
            try:
                for epoch in _trained_epochs(run):  # a killed process reported them to another trial
                    judge(epoch)
                seen, held = run_datasets(run, scenes, self.folds)
                train(run, seen, held, device_name, listener, report_and_judge)
                trial.set_user_attr(COUNTS, held_out_counts(run, held, device_name).tolist())
                self._end(trial, TrialState.COMPLETE, float(run.read_result()["dice"]))
            except (optuna.TrialPruned, NotFinite):
                self._end(trial, TrialState.PRUNED)
            shutil.rmtree(run.folder)
        _remove_empty(run)
        return self._frozen(trial.number)

    def remove_left(self) -> None:
        """Remove the runs of ended trials, which a kill between the end of a trial and its removal has left."""
        for trial in self.finished:
            with suppress(UserError):  # its values cannot be trained together, or another search trains with them
                run = self.run_of(self.values_of(trial) if not is_baseline(trial) else {})
                if run.folder.parent.exists():
                    with run.claimed():
                        shutil.rmtree(run.folder, ignore_errors=True)
                    _remove_empty(run)

    def _copy_result(self, trial: optuna.Trial, other: FrozenTrial) -> FrozenTrial:
        """Report the other trial's values and end as this trial's own."""
        for epoch, dice in other.intermediate_values.items():
            trial.report(dice, epoch)
        if COUNTS in other.user_attrs:
            trial.set_user_attr(COUNTS, other.user_attrs[COUNTS])
        return self._end(trial, other.state, other.value if other.state == TrialState.COMPLETE else None)

    def _end(self, trial: optuna.Trial, state: TrialState, value: float | None = None) -> FrozenTrial:
        """End a trial, after setting its digest: an ended trial accepts no attributes."""
        trial.set_user_attr(DIGEST, trial_digest(self._frozen(trial.number), state, value))
        self.study.tell(trial, value, state=state)
        self.study.set_user_attr(ENDED, len(self.finished))
        return self._frozen(trial.number)

    def _resume(self) -> None:
        """Enqueue the member as it is as the first trial, and again the trials that a killed process left.

        The member's values teach the sampler if they lie in the space; its trial changes no key. A trial that was
        killed before it had all its values is dropped: the sampler draws them again.
        """
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.study.tell(trial.number, state=TrialState.FAIL)
            if trial.params.keys() == dict(self.space).keys() and not is_baseline(trial):
                self.study.enqueue_trial(trial.params)
        alive = (trial for trial in self.study.get_trials(deepcopy=False) if trial.state != TrialState.FAIL)
        if not any(map(is_baseline, alive)):
            self.study.enqueue_trial(self._own_params, {BASELINE: True})

    def _sampler(self) -> optuna.samplers.BaseSampler:
        """Sampler seeded anew for every trial by the number of ended ones: a resumed search draws the same values."""
        return optuna.samplers.TPESampler(
            seed=int(sha256_of([self.seed, len(self.finished)])[:8], 16), n_startup_trials=STARTUP, multivariate=False
        )

    def _frozen(self, number: int) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]


def _remove_empty(run: Run) -> None:
    with suppress(OSError):  # other searches may train there
        run.folder.parent.rmdir()
        run.folder.parents[1].rmdir()


def held_out_counts(run: Run, held: RecordDataset, device_name: str) -> NDArray[np.int64]:
    """Counts (n, 3) of each held-out record at the threshold of a run that has ended."""
    result, batch, device = run.read_result(), run.recipe.final.batch, choose_device(device_name)
    network = load_network(run).to(device)
    return score_records(network, held, device, batch, result["precision"], result["threshold"])


def default_space(recipe: Recipe) -> Space:
    """Space of a member whose file has no `[tune]` table: rate, decay, augmentation."""
    augments = dict.fromkeys((recipe.augment, "flips", "d4"))
    return (
        ("lr", Range(low=recipe.lr / 10, high=min(recipe.lr * 5, 50.0), log=True)),
        ("weight_decay", Choice(tuple(dict.fromkeys((recipe.weight_decay, 0.0, 1e-4, 1e-2, 5e-2))))),
        ("augment", Choice(tuple(augments))),
    )


class _TrialListener(Silent):
    """Listener of one trial: prefixes its texts with its number, and ignores steps, since the search counts trials."""

    def __init__(self, listener: Listener, number: int) -> None:
        self.listener, self.number = listener, number

    def info(self, text: str, do: Command | None = None) -> None:
        self.listener.info(f"trial {self.number}: {text}", do)

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        self.listener.advance(0, status)


def remaining_space(space: Space, given: Iterable[str]) -> Space:
    """Space without the keys that the user gives, in all stages or in one."""

    def means(key: str) -> set[str]:
        return {key, key.rpartition(".")[2], *(["stages"] if key.startswith("stages.") else [])}

    given = set(given)
    return tuple(
        (key, entry) for key, entry in space if not any(key in means(one) or one in means(key) for one in given)
    )


def is_baseline(trial: FrozenTrial) -> bool:
    """True if the trial is the member itself, with no key changed."""
    return BASELINE in trial.user_attrs


def _trained_epochs(run: Run) -> list[Epoch]:
    """Epochs that an interrupted run has trained."""
    begun = [stage for stage in run.stages if stage.epochs.is_file()]
    return [epoch for stage in begun for epoch in read_epochs(stage)]


@contextmanager
def _fault_of_value(recipe: Recipe, entry: Range | Choice, value: Any) -> Iterator[None]:
    """Turn a UserError into the fault of this value's file, if a file gives it."""
    try:
        yield
    except UserError as error:
        if not entry.where:
            raise
        shown = list(value) if isinstance(value, tuple) else value
        reason = str(error).removeprefix(f"{recipe.name}: ")
        raise UserError(f"{entry.where}: {shown!r} cannot be tried: {reason}") from error


def _own(recipe: Recipe, key: str) -> Any:
    if key.startswith("stages."):
        _, number, inner = key.split(".", 2)
        return getattr(recipe.staged[int(number) - 1], inner)
    if key == "stages":
        return recipe.stages
    values = {getattr(stage, key) for stage in recipe.staged}
    return values.pop() if len(values) == 1 else None


def _distribution(entry: Range | Choice) -> BaseDistribution:
    if isinstance(entry, Choice):
        return CategoricalDistribution([_encode(entry, value) for value in entry.values])
    if entry.whole:
        return IntDistribution(int(entry.low), int(entry.high), log=entry.log)
    return FloatDistribution(entry.low, entry.high, log=entry.log)


def _encode(entry: Range | Choice, value: Any) -> Any:
    """Value for Optuna, whose choices are scalars: a list as its JSON."""
    return json.dumps(value) if isinstance(entry, Choice) and isinstance(value, tuple) else value


def _decode(entry: Range | Choice, value: Any) -> Any:
    if isinstance(entry, Range):
        return value
    return next(one for one in entry.values if _encode(entry, one) == value)
