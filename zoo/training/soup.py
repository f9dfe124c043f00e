"""Soup: a run whose weights are the mean over runs of several seeds (Wortsman et al. 2022, arXiv:2203.05482).

In: a run with `soup` of at least 2, and the runs of the same recipe without it, of the same fold: so no weights of the
mean saw a record that the fold holds out. Out: the run's weights and result, like those of a trained run.

Weights have a useful mean only if they started from the same ones: the recipe has a `start_from`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch

from core.errors import UserError
from core.files import make_folder, sha256_of_file, write_text
from core.signing import signed_text
from zoo.augment import training_view
from zoo.members import Recipe
from zoo.models import Segmenter, build
from zoo.runs.run import EndedRun, Run, run_of
from zoo.runs.store import chosen_on_together
from zoo.runtime.checkpoints import weights_of, write_weights
from zoo.runtime.devices import choose_device
from zoo.runtime.precision import autocast, training_precision
from zoo.training.averaging import average_weights
from zoo.training.dataset import RecordDataset
from zoo.training.loop import steps_per_epoch
from zoo.training.norms import measuring
from zoo.training.scoring import score


def with_ingredients(recipe: Recipe, seeds: Iterable[int]) -> list[tuple[Recipe, int]]:
    """Recipes and seeds to train for these seeds of a recipe, in order: a soup comes behind the runs that it averages.

    >>> [(each.soup, seed) for each, seed in with_ingredients(Recipe(name="m", encoder="e"), [0, 1])]
    [(1, 0), (1, 1)]
    """
    if recipe.soup == 1:
        return [(recipe, seed) for seed in seeds]
    plain = replace(recipe, soup=1)
    averaged = [(plain, recipe.soup * seed + number) for seed in seeds for number in range(recipe.soup)]
    return [*averaged, *((recipe, seed) for seed in seeds)]


def ingredients(run: Run) -> list[EndedRun]:
    """Runs whose weights a soup averages: of its fold, `soup` seeds from seed * soup on.

    UserError if one is not trained to its end, or if they did not start from the same weights.
    """
    *averaged, _ = with_ingredients(run.recipe, [run.seed])
    place: dict[str, Any] = {"fold": run.fold, "with_val": run.with_val, "folds_sha256": run.folds_sha256}
    found = []
    for recipe, seed in averaged:
        one = run_of(recipe, run.store, seed=seed, **place)
        ended = one.ended()
        if ended is None or ended.stopped or not ended.complete:
            raise UserError(f"{run.full_label}: {one.full_label}, whose weights it averages, is not trained to its end")
        found.append(ended)
    if len({each.result.get("started_from") for each in found}) > 1:
        raise UserError(
            f"{run.full_label}: the runs of seeds {averaged[0][1]} to {averaged[-1][1]} did not start from the same "
            f"weights; start from a member with one seed instead of {run.recipe.start_from}"
        )
    return found


def soup_changed(ended: EndedRun) -> bool:
    """True if the weights that a soup is the mean of have changed since; False if one of them is gone."""
    if ended.run.recipe.soup == 1:
        return False
    try:
        return bool(ended.result.get("soup") != _named(ingredients(ended.run)))
    except UserError:
        return False


def average_seeds(run: Run, train_set: RecordDataset, held_out: RecordDataset, device_name: str = "auto") -> None:
    """Write the mean of the weights of `ingredients`, with BatchNorm statistics of its own, and the result.

    Its epoch counts as chosen on the held-out fold if that of any of the runs was. UserError as in `ingredients`.
    """
    recipe, device, found = run.recipe, choose_device(device_name), ingredients(run)
    precision = training_precision(recipe.precision, device)
    make_folder(run.folder)
    run.result.unlink(missing_ok=True)
    write_text(run.recipe_file, signed_text(run.recipe.as_toml()))
    network = average_weights([each.run.best for each in found], build(recipe, "none")).to(device)
    assert isinstance(network, Segmenter)
    _measure_statistics(network, run, train_set, precision)
    dice, threshold, _ = score(network, held_out, device, recipe.batch, precision)
    write_weights(run.best, weights_of(network))
    first = {key: value for key, value in found[0].result.items() if key != "candidates"}
    times = {key: round(sum(each.result[key] for each in found), 1) for key in ("seconds", "cpu_seconds")}
    chosen_on = chosen_on_together(each.epoch_chosen_on for each in found)
    own = {"seed": run.seed, "dice": dice, "threshold": threshold, "weights_sha256": sha256_of_file(run.best)}
    run.write_result(first | times | own | {"epoch_chosen_on": chosen_on, "soup": _named(found)})


def _named(found: Sequence[EndedRun]) -> list[dict[str, Any]]:
    return [{"seed": each.run.seed, "weights_sha256": each.weights_sha256} for each in found]


@torch.no_grad()
def _measure_statistics(network: Segmenter, run: Run, train_set: RecordDataset, precision: str) -> None:
    """Set BatchNorm's statistics to their mean over the batches of an epoch, as the training meets them.

    Those of the runs are of other weights. An encoder that is frozen to the end keeps its own.
    """
    recipe, device = run.recipe, next(network.parameters()).device
    trained = network.children() if recipe.freeze < 1 else (network.time, network.decoder)
    network.eval()

    def draw(use: str) -> torch.Generator:
        return torch.Generator().manual_seed(run.random_seed("soup", use))

    order = train_set.order(recipe, steps_per_epoch(recipe, len(train_set)), draw)
    parts = [order[start : start + recipe.batch] for start in range(0, len(order), recipe.batch)]
    views = draw("views")
    with measuring(trained), train_set.batches(parts) as batches:
        for images, labels in batches:
            seen, _ = training_view(recipe, images, labels, device, views)
            with autocast(device, precision):
                network(seen)
