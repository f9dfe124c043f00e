"""Where a run's first weights come from: ImageNet, another member's run, or the stage before.

A run never starts from weights that saw a record which it holds out: only from a run of the same fold of the same
split.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from core.errors import UsageError, UserError
from core.files import sha256_of_file
from zoo.data import Folds
from zoo.inputs import INPUTS
from zoo.members import Recipe, fault_of, load_member
from zoo.members.recipe import NAMED_WEIGHTS
from zoo.models.weights import locate
from zoo.recipe_names import split_name
from zoo.runtime.checkpoints import read_weights
from zoo.training.runs import Note, Run, find_runs, not_trained, runs_by_recipe

NORMALISATION = ("mean", "std")  # of the channels: buffers of the segmenter


def pin_start(
    recipe: Recipe,
    runs: Path,
    fold_names: Sequence[str],
    folds: Folds,
    note: Note = lambda text: None,
    members: Path | None = None,
) -> Recipe:
    """The recipe with its first weights named by what they are: a file by its hash, `start_from` as MEMBER@HASH.

    That one is the newest recipe of the same encoder that is trained to its end on all these folds. What this recipe
    itself became is passed over, or the same command would start from its own fruit the next time.
    UserError where there is none, and what to run. members: the folder of the user's own.
    """
    recipe = pin_weights(recipe, runs)
    if not recipe.start_from:
        return recipe
    member, wanted = split_name(recipe.start_from)
    for of_one in runs_by_recipe(runs, member, wanted, note):
        found = [
            run
            for run in of_one
            if _usable(run, folds.sha256) and not _is_its_own(run.recipe, recipe) and _sees(run.recipe) == _sees(recipe)
        ]
        if set(fold_names) <= {run.fold for run in found}:
            return replace(recipe, start_from=f"{member}@{found[0].hash}")
    with fault_of(recipe, "start_from", "encoder", "input"):
        _refuse_other_encoder(recipe, runs, members)
        raise _no_start(recipe, runs, fold_names, folds.sha256, members)


def start_of(run: Run) -> Path | None:
    """The file of the weights that a run, or a stage of it, starts from; None: the encoder's own."""
    stages = run.stages
    number = stages.index(run)
    if number:
        return stages[number - 1].best
    return _start_run(run).best if run.recipe.start_from else None


def load_start(network: nn.Module, path: Path) -> list[str]:
    """Fill the network with those of the weights that fit it; the names of its own that were not there.

    UserError where the encoder is another one.
    """
    given, own = read_weights(path), network.state_dict()
    # How channels are normalised belongs to the network's own input, whatever its weights have seen.
    given = {key: value for key, value in given.items() if key not in NORMALISATION}
    fits = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    lacking = [key for key in own if key not in fits and key not in NORMALISATION]
    odd = next((key for key in lacking if key.startswith("encoder.")), None)
    if odd:
        raise UserError(f"{path}: these weights are of another encoder or input (first odd name {odd}); choose another")
    network.load_state_dict(fits, strict=False)
    return lacking


def sha256_of_start(run: Run) -> str | None:
    """Names the weights that the run starts from."""
    path = start_of(run)
    return None if path is None else sha256_of_file(path)


def start_has_changed(run: Run) -> bool:
    """Whether the run that this one, which has a result, started from has other weights today: it was trained since.

    A start of another seed is as good as that of its own. Runs that did not write down their start are believed.
    """
    first = run.stages[0]
    if not (run.recipe.start_from and first.result.is_file()):
        return False
    noted = first.read_result().get("started_from")
    return noted is not None and noted not in [sha256_of_file(found.best) for found in _start_runs(run)]


def _start_run(run: Run) -> Run:
    same_fold = _start_runs(run)
    return next((found for found in same_fold if found.seed == run.seed), same_fold[0])


def _start_runs(run: Run) -> list[Run]:
    """Those of its fold, of any seed; UserError where there is none."""
    member, _, recipe_hash = run.recipe.start_from.partition("@")
    same_fold = [
        found
        for found in find_runs(run.runs, member, recipe_hash)
        if found.fold == run.fold and _usable(found, run.folds_sha256)
    ]
    if not same_fold:
        raise _no_start(run.recipe, run.runs, [run.fold], run.folds_sha256)
    return same_fold


def _usable(run: Run, folds_sha256: str) -> bool:
    """What was stopped may be trained on, and an heir's other folds would then start from other weights."""
    return run.folds_sha256 == folds_sha256 and run.complete and not run.stopped


def _no_start(
    recipe: Recipe, runs: Path, fold_names: Sequence[str], folds_sha256: str, members: Path | None = None
) -> UserError:
    member, wanted = split_name(recipe.start_from)
    found = [run for of_one in runs_by_recipe(runs, member, wanted) for run in of_one]
    ours = (run for run in found if run.fold in fold_names and run.folds_sha256 == folds_sha256 and run.complete)
    stopped = next((run for run in ours if run.stopped), None)
    if stopped:
        return UserError(
            f"{recipe.name}: starts from {recipe.start_from}, whose run of fold {stopped.fold} was stopped before its "
            f"end; remove {stopped.stop} where it is there, and train it on with the command that began it"
        )
    return not_trained(runs, recipe.start_from, fold_names, members, f"{recipe.name}: start_from: ")


def _sees(recipe: Recipe) -> tuple[str, int]:
    """The encoder's architecture, and the channels that it sees; a timm name's tag only says which weights it has."""
    first = recipe.staged[0]
    return first.encoder.partition(".")[0], INPUTS.facts(first.input).channels


def _refuse_other_encoder(recipe: Recipe, runs: Path, members: Path | None) -> None:
    """UsageError where no recipe of the member that it starts from, trained or listed, has its encoder."""
    member, wanted = split_name(recipe.start_from)
    known = [run.recipe for of_one in runs_by_recipe(runs, member, wanted) for run in of_one]
    if wanted is None:
        with suppress(UserError):  # a listed member may be gone
            known.append(load_member(member, members))
    if not known or _sees(recipe) in map(_sees, known):
        return
    (encoder, channels), (its, its_channels) = _sees(recipe), _sees(known[0])
    if its != encoder:
        why, setting = f"has encoder {its}, and this one {encoder}", f"encoder={recipe.encoder}"
    else:
        why, setting = f"gives its encoder {its_channels} channels, and this one {channels}", f"input={recipe.input}"
    raise UsageError(
        f"{recipe.name}: start_from: {recipe.start_from} {why}; start from a member with the same, or from this one "
        f"trained with --set {setting}"
    )


def _is_its_own(trained: Recipe, recipe: Recipe) -> bool:
    """Whether the recipe became this one: the same member, but for what each of them started from."""
    ours, theirs = (replace(one, start_from="").counted for one in (recipe, trained))
    return trained.name == recipe.name and bool(trained.start_from) and ours == theirs


def pin_weights(recipe: Recipe, runs: Path) -> Recipe:
    """The recipe with the hash of the file that its encoder takes; where that is gone, the one that a run noted.

    UsageError where there is neither, UserError where a file names it or it is another one than that says.
    """
    if recipe.weights in NAMED_WEIGHTS:
        return recipe
    recipe = replace(recipe, weights=str(Path(recipe.weights).absolute()))
    found = locate(recipe.encoder, recipe.weights)
    if found.path is None:
        noted = recipe.weights_sha256 or _noted(recipe, runs)
        if not noted:
            with fault_of(recipe, "weights"):
                raise UsageError(found.missing)
        return replace(recipe, weights_sha256=noted)
    digits = sha256_of_file(found.path)[:12]
    if recipe.weights_sha256 not in ("", digits):
        raise UserError(
            f"{recipe.name}: weights {found.path}: SHA-256 begins {digits} and not {recipe.weights_sha256}, as "
            "weights_sha256 says; bring that file, or leave weights_sha256 out"
        )
    return replace(recipe, weights_sha256=digits)


def _noted(recipe: Recipe, runs: Path) -> str:
    """The hash of the weights at the same path, from the newest run of the same recipe; empty without one."""

    def without(one: Recipe) -> dict[str, Any]:
        return replace(one, weights_sha256="", start_from="").counted

    for of_one in runs_by_recipe(runs, recipe.name):
        for run in of_one:
            if without(run.recipe) == without(recipe):
                return run.recipe.weights_sha256
    return ""
