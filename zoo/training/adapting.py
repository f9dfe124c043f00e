"""Adaptation: a run whose weights are another's, with BatchNorm statistics of records without a mask.

In: a run with `adapt`, which starts from a member, and scenes with records without a mask. Out: the run's weights and
result, like those of a trained run. After Li et al. 2016 (arXiv:1603.04779) and Schneider et al. 2020
(arXiv:2006.16971). Only images are read, of records that score nothing: no fold knows more than before.
"""

from dataclasses import replace

import torch

from core.errors import UsageError, UserError
from core.files import make_folder, sha256_of, sha256_of_file, write_text
from core.listener import SILENT, Listener
from core.signing import signed_text
from core.words import counted
from zoo.data import Record, Scenes, unlabelled_records
from zoo.inputs import Scaling, records_with
from zoo.members import Recipe
from zoo.models import build
from zoo.runs.run import Run
from zoo.runtime.checkpoints import load_weights, weights_of, write_weights
from zoo.runtime.devices import choose_device
from zoo.runtime.precision import autocast, training_precision
from zoo.training.dataset import RecordDataset, read_images
from zoo.training.history import read_clocks
from zoo.training.norms import measuring
from zoo.training.scoring import score
from zoo.training.warm_start import find_start

OF_TRAINING = ("candidates", "stages", "soup", "pseudo_samples")  # of a result: not of a run that trained nothing


def pin_adapted_records(recipe: Recipe, scenes: Scenes) -> Recipe:
    """Pin the records whose statistics a recipe takes by the digest of their ids; UserError if there are none."""
    if not recipe.adapt:
        return recipe
    return replace(recipe, adapt_sha256=sha256_of([record.id for record in adapted_records(recipe, scenes)])[:12])


def adapted_records(recipe: Recipe, scenes: Scenes) -> list[Record]:
    """Records without a mask that hold what the recipe's input needs."""
    found = records_with(scenes, unlabelled_records(scenes), recipe.input, recipe.frames)
    if not found:
        raise UserError(
            f"{recipe.name}: adapt: no record without a mask in {scenes.where} has the frames and bands that its input "
            "needs; name their source with --data"
        )
    return found


def adapt(
    run: Run,
    scenes: Scenes,
    held_out: RecordDataset,
    scaling: Scaling | None,
    device_name: str = "auto",
    listener: Listener = SILENT,
) -> None:
    """Write the weights of the run's start with statistics of the records without a mask, and the result.

    UsageError if the network has no BatchNorm; UserError if its start is gone or of another network.
    """
    began = read_clocks()
    recipe, device, start = run.recipe, choose_device(device_name), find_start(run)
    records, network = adapted_records(recipe, scenes), build(recipe, "none")
    load_weights(start.run.best, network)
    precision, network = training_precision(recipe.precision, device), network.to(device)
    listener.info(f"{run.label}: statistics of {counted(len(records), 'record')} without a mask")
    with torch.no_grad(), measuring([network]) as norms:
        if not norms:
            raise UsageError(f"{recipe.name}: adapt: its network has no BatchNorm; leave adapt out")
        for first in range(0, len(records), recipe.batch):
            images = read_images(recipe, scenes, records[first : first + recipe.batch], scaling)
            with autocast(device, precision):
                network(images.to(device))
    make_folder(run.folder)
    run.result.unlink(missing_ok=True)
    write_text(run.recipe_file, signed_text(recipe.as_toml()))
    dice, threshold, _ = score(network, held_out, device, recipe.batch, precision)
    write_weights(run.best, weights_of(network))
    # How the weights were trained is their start's; which run it is, what it scores and took is its own.
    taken = {key: value for key, value in start.result.items() if key not in OF_TRAINING}
    chosen = {"started_from": start.weights_sha256, "epoch_chosen_on": start.epoch_chosen_on}
    named = {"member": recipe.name, "seed": run.seed, "with_val": run.with_val, "adapted_on": len(records)}
    scored = {"dice": dice, "threshold": threshold, "weights_sha256": sha256_of_file(run.best)}
    seconds, cpu_seconds = (round(now - before, 1) for now, before in zip(read_clocks(), began))
    run.write_result(taken | chosen | named | scored | {"seconds": seconds, "cpu_seconds": cpu_seconds})
