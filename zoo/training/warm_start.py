"""First weights of a run: ImageNet's, another member's, or those of the stage before.

A run never starts from weights that saw a record which it holds out: only from a run of the same fold of the same
split.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from core.errors import UsageError, UserError
from core.files import sha256_of_file
from core.listener import SILENT, Listener
from zoo.data import Folds
from zoo.inputs import INPUTS
from zoo.members import Recipe, fault_of, load_member
from zoo.members.recipe import NAMED_WEIGHTS
from zoo.models.weights import locate
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs, not_trained, runs_by_recipe
from zoo.runs.run import EndedRun, Run
from zoo.runtime.checkpoints import read_weights
from zoo.training.pseudo import pin_pseudo

NORMALISATION = ("mean", "std")  # of the channels: buffers of the segmenter


@dataclass(frozen=True)
class WarmStart:
    """First weights of a run or of a stage: a file and its hash."""

    path: Path
    sha256: str


def pin_warm_start(
    recipe: Recipe,
    store: Store,
    fold_names: Sequence[str],
    folds: Folds,
    listener: Listener = SILENT,
    members: Path | None = None,
) -> tuple[Recipe, list[EndedRun]]:
    """Pin what a recipe starts and learns from: a file by its hash, `start_from` as MEMBER@HASH, pseudo-labels.

    Reads the runs of its start, too.

    The hash is that of the newest recipe with the same encoder that is trained to its end on all these folds. Recipes
    that are this one with an earlier start are skipped, so that the same command does not start from its own result;
    named by their hash, they are taken.
    UserError if there is none, with the command to run. members: the folder of the user.
    """
    recipe = pin_pseudo(pin_weights(recipe, store), store, folds)
    if not recipe.start_from:
        return recipe, []
    ref = Ref.parse(recipe.start_from)
    for of_one in runs_by_recipe(store, ref, listener):
        usable = [ended.run for ended in of_one if _usable(ended, folds.sha256)]
        found = [run for run in usable if _fits(run.recipe, recipe, named=ref.recipe is not None)]
        if set(fold_names) <= {run.fold for run in found}:
            return replace(recipe, start_from=str(found[0].ref)), of_one
    with fault_of(recipe, "start_from", "encoder", "input"):
        _refuse_other_encoder(recipe, store, members)
        raise _no_start(recipe, store, fold_names, folds.sha256, members)


def find_warm_start(run: Run) -> WarmStart | None:
    """Find the weights that a run, or a stage of it, starts from; None if they are the encoder's own."""
    stages = run.stages
    number = stages.index(run)
    if number:
        best = stages[number - 1].best
        return WarmStart(best, sha256_of_file(best))
    if not run.recipe.start_from:
        return None
    ended = find_start(run)
    return WarmStart(ended.run.best, ended.weights_sha256)


def find_start(run: Run) -> EndedRun:
    """Find the run that a run with `start_from` starts from: of its fold and, if there is one, of its seed.

    UserError if there is none that was trained to its end.
    """
    usable = [ended for ended in _trained_to_the_end(run) if ended.complete]
    if not usable:
        raise _no_start(run.recipe, run.store, [run.fold], run.folds_sha256)
    return next((found for found in usable if found.run.seed == run.seed), usable[0])


def load_warm_start(network: nn.Module, path: Path) -> list[str]:
    """Load the weights that fit into the network; returns the names of its tensors that the file lacks.

    UserError if the file is of another encoder or input.
    """
    given, own = read_weights(path), network.state_dict()
    # The normalisation of the channels belongs to the network's own input, not to its first weights.
    given = {key: value for key, value in given.items() if key not in NORMALISATION}
    fits = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    lacking = [key for key in own if key not in fits and key not in NORMALISATION]
    odd = next((key for key in lacking if key.startswith("encoder.")), None)
    if odd:
        raise UserError(f"{path}: these weights are of another encoder or input (first odd name {odd}); choose another")
    network.load_state_dict(fits, strict=False)
    return lacking


def warm_start_sha256(start: WarmStart | None) -> str | None:
    """Name of the first weights in states and results; None for those of the encoder."""
    return start.sha256 if start else None


def warm_start_changed(ended: EndedRun, starts: Sequence[EndedRun] | None = None) -> bool:
    """True if the weights that this run started from have changed, because their run was trained again.

    starts: runs of that recipe, as `pin_warm_start` read them; None: they are read now. The start may be of another
    seed. A run that did not record its start counts as unchanged.
    """
    run = ended.run
    first = run.stages[0]
    if not run.recipe.start_from or (first != run and not first.result.is_file()):
        return False
    noted = (ended.result if first == run else first.read_result()).get("started_from")
    # What their results say is enough: `pin_warm_start` has hashed the weights.
    return noted is not None and noted not in [found.weights_sha256 for found in _trained_to_the_end(run, starts)]


def _trained_to_the_end(run: Run, starts: Sequence[EndedRun] | None = None) -> list[EndedRun]:
    """Runs of its start, of the same fold and split, that were not stopped; UserError if there is none."""
    if starts is None:
        starts = find_runs(run.store, Ref.parse(run.recipe.start_from), run.fold)
    same = (run.fold, run.folds_sha256)
    trained = [one for one in starts if (one.run.fold, one.run.folds_sha256) == same and not one.stopped]
    if not trained:
        raise _no_start(run.recipe, run.store, [run.fold], run.folds_sha256)
    return trained


def _usable(ended: EndedRun, folds_sha256: str) -> bool:
    # A stopped run may be resumed, and the other folds would then start from other weights.
    return ended.run.folds_sha256 == folds_sha256 and not ended.stopped and ended.complete


def _no_start(
    recipe: Recipe, store: Store, fold_names: Sequence[str], folds_sha256: str, members: Path | None = None
) -> UserError:
    ref = Ref.parse(recipe.start_from)
    found = [ended for of_one in runs_by_recipe(store, ref) for ended in of_one if ended.run.fold in fold_names]
    stopped = (one.run for one in found if one.run.folds_sha256 == folds_sha256 and one.stopped and one.complete)
    for run in stopped:
        return UserError(
            f"{recipe.name}: starts from {ref}, whose run of fold {run.fold} was stopped before its end; "
            f"remove {run.stop} if it is there, and resume the run with the command that started it"
        )
    return not_trained(store, ref, fold_names, members, f"{recipe.name}: start_from: ")


def _encoder_input(recipe: Recipe) -> tuple[str, int]:
    """Architecture of the encoder, without the tag of its timm name, and number of its input channels."""
    first = recipe.staged[0]
    return first.encoder.partition(".")[0], INPUTS.facts(first.input).channels


def _refuse_other_encoder(recipe: Recipe, store: Store, members: Path | None) -> None:
    """UsageError if no recipe of the member that it starts from, trained or listed, has its encoder."""
    ref = Ref.parse(recipe.start_from)
    known = [ended.run.recipe for of_one in runs_by_recipe(store, ref) for ended in of_one]
    if ref.recipe is None:
        with suppress(UserError):  # a listed member may be gone
            known.append(load_member(ref.member, members))
    if not known or _encoder_input(recipe) in map(_encoder_input, known):
        return
    (encoder, channels), (its, its_channels) = _encoder_input(recipe), _encoder_input(known[0])
    if its != encoder:
        why, setting = f"has encoder {its}, and this one {encoder}", f"encoder={recipe.encoder}"
    else:
        why, setting = f"gives its encoder {its_channels} channels, and this one {channels}", f"input={recipe.input}"
    raise UsageError(
        f"{recipe.name}: start_from: {recipe.start_from} {why}; start from a member with the same, or from this one "
        f"trained with --set {setting}"
    )


def _fits(trained: Recipe, recipe: Recipe, *, named: bool) -> bool:
    """True if the recipe can start from the trained one, which is named or differs from it in more than its start."""
    ours, theirs = (_without_start(one).counted for one in (recipe, trained))
    is_its_own = trained.name == recipe.name and bool(trained.start_from) and ours == theirs
    return _encoder_input(trained) == _encoder_input(recipe) and (named or not is_its_own)


def _without_start(recipe: Recipe) -> Recipe:
    return replace(recipe, start_from="", soup=1, adapt=False, adapt_sha256="")


def pin_weights(recipe: Recipe, store: Store) -> Recipe:
    """Pin the hash of the file that the encoder takes; if the file is gone, the hash that a run wrote down.

    UsageError if there is neither; UserError if a member file names it, or if the file has another hash than it says.
    """
    if recipe.weights in NAMED_WEIGHTS:
        return recipe
    recipe = replace(recipe, weights=str(Path(recipe.weights).absolute()))
    found = locate(recipe.encoder, recipe.weights)
    if found.path is None:
        noted = recipe.weights_sha256 or _noted(recipe, store)
        if not noted:
            with fault_of(recipe, "weights"):
                raise UsageError(found.missing)
        return replace(recipe, weights_sha256=noted)
    digits = sha256_of_file(found.path)[:12]
    if recipe.weights_sha256 not in ("", digits):
        raise UserError(
            f"{recipe.name}: weights {found.path}: SHA-256 begins {digits} and not {recipe.weights_sha256}, as "
            "weights_sha256 says; provide that file, or leave weights_sha256 out"
        )
    return replace(recipe, weights_sha256=digits)


def _noted(recipe: Recipe, store: Store) -> str:
    """Hash of the weights at the same path, from the newest run of the same recipe; empty without one."""

    def without(one: Recipe) -> dict[str, Any]:
        return replace(one, weights_sha256="", start_from="").counted

    for of_one in runs_by_recipe(store, Ref(recipe.name)):
        for ended in of_one:
            if without(ended.run.recipe) == without(recipe):
                return ended.run.recipe.weights_sha256
    return ""
