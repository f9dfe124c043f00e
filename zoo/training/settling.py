"""Settling of a run: the other folds choose its epoch, and the weights of all other candidates are removed.

In: an ended run, the curves of all folds. Out: the settled run. Stays outside: whether all folds are trained
(zoo.workflows.train), the choice itself (zoo.epoch_choice).

A kill at any moment loses nothing. The chosen weights are written beside the best ones, then the result that names
them; they replace the best ones, and the candidates are removed. Before the result is written nothing has changed;
after it, `finish_settling` does the rest. A claim prevents processes that train folds of one recipe from settling them
at once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

from core.errors import Damaged
from core.files import LARGEST_FILE, read_bytes, sha256_of_file, sweep
from core.listener import SILENT, Listener
from core.locks import turn
from zoo.epoch_choice import Curve, has_vote, ranked_epochs
from zoo.models import build
from zoo.runs.epochs import read_epochs
from zoo.runs.run import EndedRun, Run
from zoo.runs.store import LAST, OTHER_FOLDS
from zoo.runtime.checkpoints import weights_of, write_weights
from zoo.runtime.devices import choose_device
from zoo.runtime.precision import training_precision
from zoo.training.averaging import average_weights
from zoo.training.dataset import RecordDataset
from zoo.training.history import stage_row
from zoo.training.scoring import score


def read_curve(ended: EndedRun) -> Curve:
    """Dice after each epoch of a complete run.

    Damaged if its lines were changed or do not match its result, UserError if they cannot be read.
    """
    curve = [epoch.dice for epoch in read_epochs(ended.run)]
    if len(curve) != ended.result["epochs"]:
        raise Damaged(f"{ended.run.epochs}: has {len(curve)} of {ended.result['epochs']} epochs; train the run again")
    return curve


def settle(
    ended: EndedRun, curves: Mapping[str, Curve], held_out: Callable[[], RecordDataset], device_name: str = "auto"
) -> EndedRun:
    """Choose the epoch of a run by the curves of the other folds, or with `average_best` several and take their mean.

    To be called under `settling_lock`, with a run that was read under it.

    The mean is always taken: only the fold that scores it could say whether it is better. Without an intact candidate
    that all folds reached, the run keeps its own choice. curves: of all folds of its recipe and seed, by fold.
    held_out: records that score a mean.
    """
    run, result = ended.run, dict(ended.result)
    hashes = {int(epoch): sha256 for epoch, sha256 in result.pop("candidates").items()}
    ranked = ranked_epochs(curves, run.fold, sorted(hashes))
    intact = (epoch for epoch in ranked if _is_intact(run, epoch, hashes[epoch]))
    chosen = list(islice(intact, max(1, run.taught.average_best)))
    if chosen:
        result |= _take(run, chosen, held_out, device_name)
        result["epoch_chosen_on"] = OTHER_FOLDS if has_vote(curves, run.fold) else LAST
    if result.get("stages"):
        result["stages"] = [*result["stages"][:-1], stage_row(result)]
    run.write_result(result)
    settled = run.ended_with(result)
    _finish(settled)
    return settled


def settling_lock(run: Run, listener: Listener = SILENT) -> AbstractContextManager[None]:
    """Claim the recipe and split of a run, after waiting for another process that settles it."""
    return turn(run.folder.parent, "is being settled", listener)


def finish_settling(ended: EndedRun) -> None:
    """Move the chosen weights to their place and remove the candidates, if a kill prevented that."""
    run = ended.run
    settled = "epoch_chosen_on" in ended.result and not ended.stopped and not ended.waits_for_folds
    if settled and (run.chosen.exists() or run.all_kept()):
        with settling_lock(run):
            _finish(ended)


def _finish(ended: EndedRun) -> None:
    run = ended.run
    if run.chosen.is_file() and sha256_of_file(run.chosen) == ended.weights_sha256:
        write_weights(run.best, read_bytes(run.chosen, LARGEST_FILE))
    for path in (*run.all_kept(), run.chosen):
        path.unlink(missing_ok=True)
    sweep(run.folder)


def _take(run: Run, chosen: Sequence[int], held_out: Callable[[], RecordDataset], device_name: str) -> dict[str, Any]:
    """Write the weights of one epoch, or the mean of several, beside the best ones; returns the keys of the result."""
    best, together = chosen[0], sorted(chosen)
    if len(together) == 1:
        epoch = read_epochs(run)[best - 1]
        dice, threshold, averaged = epoch.dice, epoch.threshold, []
        weights = read_bytes(run.kept(best), LARGEST_FILE)
    else:
        recipe, device = run.taught, choose_device(device_name)
        network = average_weights([run.kept(epoch) for epoch in together], build(recipe, "none"))
        precision = training_precision(recipe.precision, device)
        dice, threshold, _ = score(network.to(device), held_out(), device, recipe.batch, precision)
        weights, averaged = weights_of(network), together
    write_weights(run.chosen, weights)
    kept = {"dice": dice, "threshold": threshold, "averaged": averaged}
    return {"best_epoch": best, "weights_sha256": sha256_of_file(run.chosen), **kept}


def _is_intact(run: Run, epoch: int, sha256: str) -> bool:
    path = run.kept(epoch)
    return path.is_file() and sha256_of_file(path) == sha256
