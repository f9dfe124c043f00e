"""Training loop: epochs over the training set, the held-out fold scored after each, the best weights kept.

The weights of candidate epochs are kept until the other folds choose one (`zoo.training.settling`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.files import make_folder, sha256_of_file, write_text
from core.listener import SILENT, Listener
from core.signing import signed_line, signed_text
from zoo.augment import training_view
from zoo.data import SIZE
from zoo.epoch_choice import candidate_epochs, is_scored
from zoo.members import Recipe
from zoo.models import build
from zoo.runs.epochs import Epoch, read_epochs
from zoo.runs.leftovers import remove_left
from zoo.runs.run import EndedRun, Run
from zoo.runs.store import HELD_OUT, LAST
from zoo.runtime.checkpoints import load_weights, save_state, weights_of, write_weights
from zoo.runtime.devices import choose_device, environment
from zoo.runtime.precision import training_precision
from zoo.schedules import learning_rate
from zoo.training.averaging import average_weights, epochs_to_average
from zoo.training.dataset import RecordDataset
from zoo.training.history import (
    EpochProgress,
    best_epoch,
    best_is_intact,
    kept_epoch,
    read_clocks,
    resumable_state,
    stage_row,
)
from zoo.training.logs import logged
from zoo.training.pending import PendingLosses, loss_not_finite
from zoo.training.scoring import NotFinite, Scored, score
from zoo.training.step import TrainStep
from zoo.training.team import lead, score_together, team_size, tell
from zoo.training.warm_start import WarmStart, find_warm_start, warm_start_sha256

SAVE_EVERY = 300.0  # seconds of an epoch that a killed run loses at most


def train(
    run: Run,
    train_set: RecordDataset,
    held_out: RecordDataset,
    device_name: str = "auto",
    listener: Listener = SILENT,
    report: Callable[[Epoch], None] = lambda epoch: None,
    save_every: float = SAVE_EVERY,
    logs: Sequence[str] = (),
) -> list[Epoch]:
    """Train `run` to its end, resuming from its last state; returns all its epochs.

    The listener counts steps; `report` is called once an epoch; logs: names of zoo.logs. Without held-out records
    (`full`), without a contrail pixel in them, and in each stage but the last, the last epoch is the best one. A file
    named `stop` in the run's folder ends it after its epoch, in a stage too, with the best weights of that stage. The
    state is saved after every epoch, and within one every `save_every` seconds. Raises Claimed if another process
    trains the run.
    """
    with run.claimed(), listener.task(run.label, total_steps(run.recipe, len(train_set))):
        make_folder(run.folder)
        write_text(run.recipe_file, signed_text(run.recipe.as_toml()))
        device = choose_device(device_name)
        history: list[Epoch] = []
        before: EndedRun | None = None
        for stage in run.stages:
            start, ended = find_warm_start(stage), stage.ended()
            if ended and is_trained(ended, start):
                history += read_epochs(stage)
                listener.advance(stage.taught.epochs * steps_per_epoch(stage.taught, len(train_set)))
                before = ended
                continue
            is_stopped = before and (before.stopped or run.stop.exists())
            if before and is_stopped and not resumable_state(stage, warm_start_sha256(start)):
                _end_with(run, before, held_out, device)
                return history
            for result in (run.result, stage.result):  # of a run that was stopped and now resumes
                result.unlink(missing_ok=True)
            loop = StageLoop(stage, start, train_set, held_out, device, listener, save_every)
            with logged(logs, loop, listener) as add:
                while not (loop.ended or (loop.history and run.stop.exists())):
                    epoch = loop.epoch()
                    add(epoch)
                    report(epoch)
            history += loop.history
            before = stage.ended_with(loop.finish())
        if before and not before.stopped:
            remove_left(run, before.result)
        return history


def is_trained(ended: EndedRun, start: WarmStart | None) -> bool:
    """True if a run, or a stage of it, is done and started from the weights of today."""
    return ended.result.get("started_from") == warm_start_sha256(start) and ended.done


class StageLoop:
    """Run in progress: its train step, its finished epochs, the part of the current epoch."""

    def __init__(
        self,
        run: Run,
        start: WarmStart | None,
        train_set: RecordDataset,
        held_out: RecordDataset,
        device: torch.device,
        listener: Listener,
        save_every: float,
    ) -> None:
        self.run, self.train_set, self.held_out = run, train_set, held_out
        self.recipe = run.taught
        self.listener, self.save_every = listener, save_every
        self.steps = steps_per_epoch(self.recipe, len(train_set))
        self.history: list[Epoch] = []
        self.progress = EpochProgress()
        self.best_sha256 = ""
        self.candidates: dict[int, str] = {}  # SHA-256 of the weights of each candidate epoch so far
        torch.manual_seed(run.random_seed("weights"))
        self.started_from = warm_start_sha256(start)
        state = resumable_state(run, self.started_from)
        self.train_step = TrainStep(self.recipe, device, "none" if state or start else None, listener)
        self.made_with = [self.train_step.choices | environment(device)]
        self.pending = PendingLosses(device)
        if state:
            self._resume(state)
        elif start:
            self.train_step.warm_start(start.path)
        if run.state.is_file() and not state:
            listener.info(
                f"{run.label}: {run.state} is damaged, of another start, or without its best weights; training restarts"
            )
        lead(run, self.train_step)

    @property
    def number(self) -> int:
        """Number of the current epoch, from 0."""
        return len(self.history)

    @property
    def ended(self) -> bool:
        """True after the last epoch, or after `patience` epochs without a better Dice."""
        return self.number >= self.recipe.epochs or self.lost_patience

    @property
    def lost_patience(self) -> bool:
        """True after `patience` epochs without a better Dice; never without held-out records."""
        patience = self.recipe.patience
        if not patience or not self.history or self.history[-1].dice is None:
            return False
        return self.number - best_epoch(self.history).epoch >= patience

    def epoch(self) -> Epoch:
        """Train the rest of the current epoch, score it, keep its weights if they are the best, save the state."""
        clocks = read_clocks()
        hardness = self.progress.hardness
        tell("epoch", self.number, len(self.progress.losses), hardness)
        order = self.train_set.order(
            self.recipe, self.steps, lambda use: draws_of(self.run, use, self.number), hardness
        )
        self.train_step.begin_epoch(self.number)
        saved = time.monotonic()
        steps = range(len(self.progress.losses), self.steps)
        with self.train_set.batches(numbers for step in steps for numbers in self._batches(step, order)) as batches:
            for step in steps:
                self._step(step, order, batches)
                must_save = time.monotonic() - saved >= self.save_every and step + 1 < self.steps
                if must_save or self.pending.due or step + 1 == self.steps:
                    self._read_losses(order)
                if must_save:
                    clocks = self.progress.add_time(clocks)
                    self._save()
                    saved = time.monotonic()
        due = is_scored(self.number + 1, self.recipe.epochs, self.recipe.score_every) or self.run.stop.exists()
        found = self._scored() if due else (None, None, None)
        self.progress.add_time(clocks)
        epoch = Epoch(
            epoch=self.number + 1,
            loss=round(float(np.mean(self.progress.losses)), 6),
            lr=self._rate(self.steps - 1),
            seconds=round(self.progress.seconds, 2),
            cpu_seconds=round(self.progress.cpu_seconds, 2),
            dice=found[0],
            threshold=found[1],
            dice_at_half=found[2],
            stage=self.run.stage_number,
        )
        self._keep(epoch)
        return epoch

    def _scored(self, network: nn.Module | None = None) -> Scored:
        """Score a network, by default the one that is kept, which all processes of a team have."""
        step = self.train_step
        if network is None and team_size() > 1:
            return score_together(step, self.held_out)
        return score(network or step.eval_network, self.held_out, step.device, self.recipe.batch, step.precision)

    def _batches(self, step: int, order: list[int]) -> list[list[int]]:
        """Numbers of the records in each batch of a step."""
        first, batch = step * self.recipe.accumulate, self.recipe.batch
        # Every batch is full: BatchNorm would fail on a last one of one or two scenes.
        return [order[number * batch : (number + 1) * batch] for number in range(first, first + self.recipe.accumulate)]

    def _step(self, step: int, order: list[int], batches: Iterator[tuple[Tensor, Tensor]]) -> None:
        """Run one step of the optimizer; the losses of its batches stay on the device.

        Everything random in it is seeded by its number, so that a resumed run gives the curve of an undisturbed one.
        """
        draws = draws_of(self.run, "step", self.number, step)
        torch.manual_seed(self.run.random_seed("network", self.number, step))  # dropout and the like
        losses = []
        for numbers in self._batches(step, order):
            images, labels = training_view(self.recipe, *next(batches), self.train_step.device, draws)
            losses.append(self.train_step.backward(images, labels))
            self.progress.meet(numbers, self.train_step.scene_losses)
        self.pending.add(losses)
        try:
            self.train_step.update(self._rate(step), self.number * self.steps + step)
        except FloatingPointError as error:
            raise self._not_finite(step, self._batches(step, order)[-1]) from error

    def _read_losses(self, order: list[int]) -> None:
        """Take the losses of the steps since the last call, each the mean over its batches; NotFinite for the first."""
        for losses in self.pending.take():
            step = len(self.progress.losses)
            for numbers, loss in zip(self._batches(step, order), losses):
                if not np.isfinite(loss):
                    raise self._not_finite(step, numbers)
            self.progress.losses.append(float(np.mean(losses)))
            status = f"epoch {self.number + 1}/{self.recipe.epochs} loss {self.progress.losses[-1]:.3f}"
            self.listener.advance(1, status)

    def _rate(self, step: int) -> float:
        return learning_rate(self.recipe, self.number * self.steps + step, self.recipe.epochs * self.steps)

    def _not_finite(self, step: int, numbers: Sequence[int]) -> NotFinite:
        place = f"epoch {self.number + 1}, step {step + 1}"
        return loss_not_finite(self.run, self.train_set, numbers, place, self.train_step.precision)

    def _keep(self, epoch: Epoch) -> None:
        self.history.append(epoch)
        self.progress = self.progress.next_epoch()
        is_best = kept_epoch(self.run, self.history) is epoch
        to_average = self._to_average()
        is_candidate = epoch.epoch in self._planned_candidates
        is_kept = is_candidate or epoch in to_average
        weights = weights_of(self.train_step.eval_network) if is_best or is_kept else b""
        if is_best:
            self.best_sha256 = sha256(weights).hexdigest()
        if is_candidate:
            self.candidates[epoch.epoch] = sha256(weights).hexdigest()
        if is_kept:
            write_weights(self.run.kept(epoch.epoch), weights)
        self._save()  # before the best weights, which can be made from it if the process is killed in between
        if is_best:
            write_weights(self.run.best, weights)
        for other in self.history:
            if other not in to_average and other.epoch not in self.candidates:
                self.run.kept(other.epoch).unlink(missing_ok=True)
        self._write_lines()

    def _to_average(self) -> list[Epoch]:
        return epochs_to_average(self.history, self.recipe.average_best, by_dice=not self.run.stage)

    @property
    def _planned_candidates(self) -> tuple[int, ...]:
        # `full` has no other folds, and an earlier stage keeps its last epoch.
        has_candidates = len(self.held_out) and not self.run.stage
        return candidate_epochs(self.recipe.epochs, self.recipe.score_every) if has_candidates else ()

    def _write_lines(self) -> None:
        # The whole file: a resumed run drops lines beyond the state that it resumes from.
        write_text(self.run.epochs, "".join(signed_line(asdict(epoch)) for epoch in self.history))

    def _save(self) -> None:
        state = self.train_step.state_dict()
        rows = [asdict(epoch) for epoch in self.history]
        state |= {"epochs": rows, "part": asdict(self.progress)}
        names = {"best_sha256": self.best_sha256, "started_from": self.started_from, "candidates": self.candidates}
        save_state(self.run.state, state | names | {"made_with": self.made_with})

    def _resume(self, state: dict[str, Any]) -> None:
        self.train_step.load_state_dict(state)
        self.history = [Epoch(**row) for row in state["epochs"]]
        self.progress = EpochProgress(**state.get("part", {}))
        self.best_sha256 = state.get("best_sha256", "")
        self.candidates = dict(state.get("candidates", {}))
        if self.history and not best_is_intact(self.run, state):
            kept = self.run.kept(kept_epoch(self.run, self.history).epoch)
            best = kept.read_bytes() if kept.is_file() else weights_of(self.train_step.eval_network)
            write_weights(self.run.best, best)
        self._write_lines()  # the process may have been killed before it wrote the line of the last epoch
        self.listener.advance(self.number * self.steps + len(self.progress.losses))
        self.listener.info(f"{self.run.label}: resumes {self._place()}")
        before, (now,) = state.get("made_with", []), self.made_with
        if before and before[-1] != now:
            was, is_now = (", ".join(f"{key} {value}" for key, value in each.items()) for each in (before[-1], now))
            self.listener.info(f"{self.run.label}: resumes with {is_now} instead of {was}: the last bits may differ")
        self.made_with = before if before[-1:] == [now] else [*before, now]

    def _place(self) -> str:
        """Epoch and step from which the run resumes, in words."""
        if self.ended:
            return "from its last epoch"
        stage = f"stage {self.run.stage_number}, " if self.run.stage_number else ""
        step = f", step {len(self.progress.losses) + 1}/{self.steps}" if self.progress.losses else ""
        return f"from {stage}epoch {self.number + 1}/{self.recipe.epochs}{step}"

    def finish(self) -> dict[str, Any]:
        """Replace the best weights by the mean of the best epochs if it scores no worse; write the result.

        In all stages but the last, they are always replaced, by the mean of the last epochs.
        """
        best = kept_epoch(self.run, self.history)
        kept: dict[str, Any] = {"dice": best.dice, "threshold": best.threshold, "averaged": []}
        together = self._to_average()
        if len(together) > 1:
            network = average_weights([self.run.kept(epoch.epoch) for epoch in together], self.train_step.eval_network)
            dice, threshold, _ = self._scored(network)
            if self.run.stage or best.dice is None or dice is None or dice >= best.dice:
                write_weights(self.run.best, weights_of(network))
                averaged = [epoch.epoch for epoch in together]
                kept = {"dice": dice, "threshold": threshold, "averaged": averaged}
        own = self._result() | kept
        earlier = [stage.read_result() for stage in self.run.stages[:-1]] if self.run.stage == 0 else []
        stages = [stage_row(stage) for stage in [*earlier, own]] if earlier else []
        candidates = {"candidates": self.candidates} if self.candidates else {}
        result = own | {"stages": stages} | candidates
        self.run.write_result(result)
        return result

    def _result(self) -> dict[str, Any]:
        """Content of result.json of this run or stage; that of the last stage is the run's."""
        run, best = self.run, kept_epoch(self.run, self.history)
        by_rule = run.stage or best.dice is None or len(self.history) == 1
        return {
            "member": run.recipe.name,
            "fold": run.fold,
            "seed": run.seed,
            "with_val": run.with_val,
            "folds_sha256": run.folds_sha256,
            "trained_on": len(self.train_set),
            **({"pseudo_samples": len(self.train_set.pseudo)} if self.recipe.pseudo else {}),
            "held_out": len(self.held_out),
            "started_from": self.started_from,
            "precision": self.train_step.precision,
            "made_with": self.made_with,
            "epochs": len(self.history),
            "planned_epochs": self.recipe.epochs,
            "stopped": not self.ended,
            "best_epoch": best.epoch,
            "epoch_chosen_on": LAST if by_rule else HELD_OUT,
            "lost_patience": self.lost_patience,
            "weights_sha256": sha256_of_file(run.best),
            "seconds": round(sum(epoch.seconds for epoch in self.history), 1),
            "cpu_seconds": round(sum(epoch.cpu_seconds for epoch in self.history), 1),
        }


def draws_of(run: Run, *use: object) -> torch.Generator:
    """Generator on the CPU, seeded by the run and by what it is used for, such as ("step", 3, 17)."""
    return torch.Generator().manual_seed(run.random_seed(*use))


def _end_with(run: Run, ended: EndedRun, held_out: RecordDataset, device: torch.device) -> None:
    """End the whole run with the weights of an earlier stage, scored in the network of the last one, which predicts."""
    stage = ended.run
    recipe, trained = run.recipe.final, run.stages[: stage.stage]
    network = build(recipe, "none")
    load_weights(stage.best, network)
    precision = training_precision(recipe.precision, device)
    dice, threshold, _ = score(network.to(device), held_out, device, recipe.batch, precision)
    write_weights(run.best, stage.best.read_bytes())
    stages = [stage_row(each.read_result()) for each in trained]
    found = {"dice": dice, "threshold": threshold, "stopped": True, "stages": stages}
    run.write_result({**ended.result, **found})


def total_steps(recipe: Recipe, records: int) -> int:
    """Number of steps of all epochs, in all stages."""
    return sum(stage.epochs * steps_per_epoch(stage, records) for stage in recipe.staged)


def steps_per_epoch(recipe: Recipe, records: int) -> int:
    """Number of steps in an epoch, in which the network sees as many pixels as the records have."""
    crops = (SIZE // recipe.crop) ** 2 if recipe.crop else 1
    return max(1, round(records * crops / (recipe.batch * recipe.accumulate)))
