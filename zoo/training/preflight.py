"""Checks before training and prediction, so that a fault is found at once and not after hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from core.errors import UsageError
from zoo.augment import check_augment
from zoo.data import SIZE, Folds, Scenes
from zoo.inputs import INPUTS, require_input
from zoo.losses import recipe_loss
from zoo.members import Recipe, fault_of, require_label_offset
from zoo.members.recipe import keys_of
from zoo.models import build, sketch
from zoo.models.encoders import check_encoder
from zoo.runs.leftovers import tidy
from zoo.runs.run import EndedRun, Run, run_records
from zoo.runtime.devices import choose_device
from zoo.targets import require_target
from zoo.training.optimizers import check_optimizer, check_optimizer_name
from zoo.training.settling import finish_settling
from zoo.training.soup import soup_changed
from zoo.training.step import save_memory
from zoo.training.warm_start import find_warm_start, load_warm_start, warm_start_changed
from zoo.tta import scaled_sides
from zoo.views import parse_views


@dataclass(frozen=True)
class Planned:
    """Run that is to be trained, or reused; read once."""

    run: Run
    ended: EndedRun | None  # None: it has no result yet
    again: str  # reason why a run that has a result is trained again; empty: none, or it can be resumed

    @property
    def reused(self) -> EndedRun | None:
        """End of the run if there is nothing to train."""
        return self.ended if self.ended and not self.again and self.ended.done else None


def look_at(run: Run, starts: Sequence[EndedRun] | None = None) -> Planned:
    """Read how the run ended, and whether its files or the weights that it started from have changed since.

    Finishes the choice of its epoch first if a kill interrupted it, and removes what a kill left of a complete run.

    starts: runs of the recipe that it starts from, if they were read before.
    """
    ended = run.ended()
    if ended:
        finish_settling(ended)
        if ended.done:
            tidy(ended)
    again = (ended and ended.fault) or ""
    if ended and ended.done and warm_start_changed(ended, starts):
        again = f"the weights of {run.recipe.start_from}, from which it started, have changed"
    if ended and ended.done and soup_changed(ended):
        again = "the weights that it averages have changed"
    return Planned(run, ended, again)


def check_run(
    run: Run, scenes: Scenes, folds: Folds, device_name: str, starts: Sequence[EndedRun] | None = None
) -> Planned:
    """UserError if device, loss, records, input, target, optimizer, encoder or its weights would stop the run.

    starts: as `look_at` takes them.
    """
    choose_device(device_name)
    seen, held = run_records(run, scenes, folds)
    require_input(scenes, [*seen, *held], run.recipe.input, run.recipe.frames)
    require_target(scenes, seen, run.recipe.target)
    require_label_offset(run.recipe, scenes)
    planned = look_at(run, starts)
    if not planned.reused:
        check_recipe(run.recipe, device_name)
        start = find_warm_start(run.stages[0])
        _check_network(run.recipe, start.path if start else None)
    return planned


def check_recipe(recipe: Recipe, device_name: str) -> None:
    """Raise UsageError if loss, augmentation, optimizer or encoder does not fit here; UserError if a file names it."""
    device = choose_device(device_name)
    for stage in recipe.staged:
        with fault_of(stage, *keys_of("loss")):
            recipe_loss(stage)
        with fault_of(stage, "augment", "input", "frames"):
            check_augment(stage)
        with fault_of(stage, "optimizer"):
            check_optimizer_name(stage)
        with fault_of(stage, *keys_of("optimizer")):
            check_optimizer(stage, device)
    with fault_of(recipe, "encoder"):
        check_encoder(recipe.encoder)


def check_views(recipe: Recipe, tta: str) -> None:
    """UsageError if the network cannot take images at the sides of a `scale` step; tried without arithmetic."""
    views = parse_views(tta)
    sides = set(scaled_sides(views, recipe.size)) - {recipe.size}
    if not sides:
        return
    network, channels = sketch(recipe), INPUTS.facts(recipe.input).channels
    images = torch.empty(1, len(recipe.frames), channels, SIZE, SIZE, device="meta")
    for side in sorted(sides):
        try:
            network(images, side)
        except (AssertionError, RuntimeError) as error:  # of an encoder that is built for one size
            reason = " ".join(str(error).split())
            raise UsageError(
                f"{recipe.name}: TTA {views.name}: its network cannot take images of {side} pixels ({reason}); "
                "choose other factors of scale, or none"
            ) from error


@lru_cache(maxsize=8)
def _check_network(recipe: Recipe, start: Path | None) -> None:
    # Cached: the folds of one member share the network and its first weights.
    for stage in recipe.staged:
        with fault_of(stage, *keys_of("network", "reading"), "crop", "batch"):
            _check_passes(stage)
    network, *later = (build(stage, "none" if number or start else None) for number, stage in enumerate(recipe.staged))
    if start is not None:
        load_warm_start(network, start)
    if any(stage.checkpointing for stage in recipe.staged):
        save_memory(network, recipe)
    for number, other in enumerate(later, start=2):
        if _shapes(other) != _shapes(network):
            raise UsageError(
                f"{recipe.name}: stage {number}: its network differs from that of stage 1, whose weights "
                "it starts from (some encoders are built for one size); let the stages differ in how they train"
            )


def _check_passes(recipe: Recipe) -> None:
    """UsageError if the network cannot take a batch of the recipe in training, or a whole image; without arithmetic."""
    network, facts = sketch(recipe), INPUTS.facts(recipe.input)
    side = recipe.crop or SIZE
    for training, batch, seen in ((True, recipe.batch, side), (False, 1, SIZE)):
        network.train(training)
        network.encoder.train(training and recipe.freeze < 1)
        images = torch.empty(batch, len(recipe.frames), facts.channels, seen, seen, device="meta")
        try:
            network(images)
        except NotImplementedError:  # an operation that needs values: nothing can be said
            return
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            if "more than 1 value per channel" in reason:
                what = f"decoder {recipe.decoder_term.name} of encoder {recipe.encoder} at size {recipe.size}"
                cure = "cannot be trained on one image at a time; give batch 2 or more"
                raise UsageError(f"{recipe.name}: {what} {cure}") from error
            raise UsageError(
                f"{recipe.name}: decoder {recipe.decoder_term.name} cannot take the features of encoder "
                f"{recipe.encoder} from images of {seen * recipe.size // SIZE} pixels ({reason[:200]}); choose another "
                "decoder, encoder or size"
            ) from error


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in network.state_dict().items()}
