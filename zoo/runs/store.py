"""Store: every path under a runs folder, and the end of a run as its files tell it.

    folds.csv  leaderboard.json  submissions.jsonl  checks.json
    members/<member>/<hash>/fold-<k>[-seed-<s>][/stage-<n>]/
    predictions/<member>/<hash>/<split>/fold-<k>[-seed-<s>]/<tta>/
    tuning/<member>/<search>.sqlite  tuning/<member>-tuned.toml
    ensembles/<name>/  logs/<log>/

In: a folder, names. Out: paths, and which of them are there. Stays outside: recipes, torch, the contents of weights and
of prediction sets.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from core.errors import Damaged, UserError
from core.files import listed, sha256_of_file
from core.locks import claim, refuse_claimed
from core.schema import fit
from core.signing import read_signed, write_signed
from zoo.runs.names import FULL, Ref, RunName
from zoo.runs.result import Result

MANIFEST = "manifest.json"  # of a prediction set, written last: its presence means that the set is complete
RESULT_FORMAT = 2
REMOVED = "is being removed"  # what the holder of a claim on a member does
DEFAULT_ENSEMBLE = "default"  # name of an ensemble for which no other name is given
_KEPT = "epoch-{}.safetensors"

# What chose the epoch of a run, as its result says in `epoch_chosen_on`.
OTHER_FOLDS = "other_folds"  # the curves of the other folds
HELD_OUT = "held_out"  # the fold that it holds out, whose Dice is then a little too high
LAST = "last"  # none of them: the last epoch by rule, or the only one


def ensemble_option(name: str) -> str | None:
    """Value of `--ensemble` in a command that is advised: None for the default ensemble, which needs no option."""
    return None if name == DEFAULT_ENSEMBLE else name


@dataclass(frozen=True, init=False)
class Store:
    """Runs folder: the one place that knows how names become paths in it.

    >>> str(Store("runs").ensemble("default"))
    'runs/ensembles/default/ensemble.json'
    """

    root: Path

    def __init__(self, root: str | PathLike[str]) -> None:
        """Take a folder, which need not exist yet."""
        object.__setattr__(self, "root", Path(root))

    def __str__(self) -> str:
        return str(self.root)

    @property
    def folds(self) -> Path:
        """Split of the labelled records that all runs share."""
        return self.root / "folds.csv"

    @property
    def leaderboard(self) -> Path:
        """Scores of the members, kept between calls."""
        return self.root / "leaderboard.json"

    @property
    def ledger(self) -> Path:
        """Submissions, one line each."""
        return self.root / "submissions.jsonl"

    @property
    def checks(self) -> Path:
        """Sources that `data check` has checked, and with what result."""
        return self.root / "checks.json"

    @property
    def logs(self) -> Path:
        """Folder of the training logs of other programs, below it one each (zoo.logs); never read by the suite."""
        return self.root / "logs"

    def ensemble(self, name: str) -> Path:
        """Frozen ensemble of this name; its report.png lies beside it."""
        return self.root / "ensembles" / name / "ensemble.json"

    def ensembles(self) -> list[str]:
        """Names of the ensembles that were fitted, sorted."""
        return [path.parent.name for path in listed(self.root, "ensembles/*/ensemble.json")]

    def tuning(self, member: str, search: str) -> Path:
        """Trials of one search of a member's recipe."""
        return self.root / "tuning" / member / f"{search}.sqlite"

    def tuned(self, member: str) -> Path:
        """Member file that a search writes."""
        return self.root / "tuning" / f"{member}-tuned.toml"

    def predictions(self, member: str) -> Path:
        """Folder of the prediction sets of a member."""
        return self.root / "predictions" / member

    def trained_members(self) -> list[str]:
        """Members with a run, complete or not, sorted."""
        return _folders(self.root / "members")

    def predicted_members(self) -> list[str]:
        """Members with a prediction set, complete or not, sorted."""
        return _folders(self.root / "predictions")

    def predicted_recipes(self, member: str) -> list[str]:
        """Hashes of a member's recipes with a prediction set, complete or not, sorted."""
        return _folders(self.root / "predictions" / member)

    def member(self, member: str) -> Path:
        """Folder of the runs of a member, which is claimed while it is removed."""
        return self.root / "members" / member

    def recipes(self, member: str) -> list[str]:
        """Hashes of a member's recipes with a run, complete or not, sorted."""
        return _folders(self.root / "members" / member)

    def recipe_folder(self, ref: Ref) -> Path:
        """Folder of the runs of one recipe."""
        return self.root / "members" / ref.member / (ref.recipe or "")

    def runs(self, ref: Ref) -> list["RunPlace"]:
        """Places of the runs of one recipe, complete or not, sorted by folder name."""
        names = map(RunName.parse, _folders(self.recipe_folder(ref)))
        return [self.run(ref, name) for name in names if name is not None]

    def run(self, ref: Ref, name: RunName) -> "RunPlace":
        """Place of one run of a recipe."""
        return RunPlace(store=self, member=ref.member, hash=ref.recipe or "", fold=name.fold, seed=name.seed)

    def highest_fold(self) -> int | None:
        """Highest fold that a run or a prediction set is of, complete or not; None without any."""
        runs = (RunName.parse(path.name) for path in listed(self.root, "members/*/*/fold-*"))
        names = (*runs, *(place.name for place in self.sets()))
        return max((int(name.fold) for name in names if name and name.fold != FULL), default=None)

    def sets(self, split: str = "*", member: str = "*") -> Iterator["SetPlace"]:
        """Places of the prediction sets that are there, complete or not, sorted by path."""
        for path in listed(self.root, f"predictions/{member}/*/{split}/*/*"):
            owner, recipe, of_split, run, tta = path.parts[-5:]
            name = RunName.parse(run)
            if name is not None and path.is_dir():
                yield SetPlace(self, Ref(owner, recipe), of_split, name, tta)


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """Place of a run, or of one of its stages but the last, and the files in it."""

    store: Store
    member: str
    hash: str  # of the recipe
    fold: str
    seed: int = 0
    stage: int = 0  # from 1, of a staged recipe; 0: the run as a whole, whose weights are the last stage's

    @property
    def ref(self) -> Ref:
        """Member and recipe."""
        return Ref(self.member, self.hash)

    @property
    def name(self) -> RunName:
        """Fold and seed."""
        return RunName(self.fold, self.seed)

    @property
    def label(self) -> str:
        """Member, fold and seed in a sentence."""
        return f"{self.member} fold {self.name.words}"

    @property
    def full_label(self) -> str:
        """Member with the hash of its recipe, fold and seed in a sentence."""
        return f"{self.ref} fold {self.name.words}"

    @property
    def folder(self) -> Path:
        """members/<member>/<hash>/fold-<k>[-seed-<s>], of an earlier stage stage-<n> below it."""
        folder = self.store.recipe_folder(self.ref) / str(self.name)
        return folder / f"stage-{self.stage}" if self.stage else folder

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Claim the run while it trains; raises Claimed if another process trains it, or removes its member."""
        with claim(self.folder, "is being trained"):
            refuse_claimed(self.store.member(self.member), REMOVED)
            yield

    @property
    def recipe_file(self) -> Path:
        """Recipe as the run was trained by it, for all its stages."""
        return replace(self, stage=0).folder / "recipe.toml"

    @property
    def epochs(self) -> Path:
        """Epochs, one JSON line each."""
        return self.folder / "epochs.jsonl"

    @property
    def best(self) -> Path:
        """Weights of the epoch that was chosen, or of the mean of several."""
        return self.folder / "best.safetensors"

    @property
    def scaling(self) -> Path:
        """Statistics of the training records that scale the input, for an input that needs them."""
        return self.folder / "scaling.json"

    @property
    def result(self) -> Path:
        """Result, written last: its presence means that training has ended."""
        return self.folder / "result.json"

    @property
    def state(self) -> Path:
        """State that an unfinished run resumes from."""
        return self.folder / "last.pt"

    @property
    def stop(self) -> Path:
        """File that stops the run after its epoch; the run can be resumed once it is removed."""
        return replace(self, stage=0).folder / "stop"

    def kept(self, epoch: int) -> Path:
        """Weights of an epoch that may be averaged or chosen; removed after that."""
        return self.folder / _KEPT.format(epoch)

    @property
    def chosen(self) -> Path:
        """Weights that replace `best` as soon as the result names them."""
        return self.folder / "chosen.safetensors"

    def all_kept(self) -> list[Path]:
        """Weights of epochs that are there, sorted."""
        return sorted(self.folder.glob(_KEPT.format("*")))

    def read_result(self) -> dict[str, Any]:
        """Read result.json; Damaged if it is not JSON or was changed, UserError if it is absent or cannot be used."""
        document = read_signed(self.result, RESULT_FORMAT, dict[str, Any])
        try:
            result = dict[str, Any](fit(document, Result, self.result))
        except Damaged as error:  # its digest holds, so it is not torn: no run is trained again for it
            raise UserError(f"{error.fault}; correct it, or remove it to train the run again") from error
        if not all(map(str.isdecimal, result.get("candidates", ()))):
            raise UserError(f"{self.result}: names candidates that are no epochs; correct it")
        return result

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write result.json with its format and digest, atomically."""
        write_signed(self.result, {"format": RESULT_FORMAT} | dict(result))

    def ended(self) -> "Ended[Self] | None":
        """Read how the run ended; None if it has no result yet. UserError for a result that cannot be read."""
        if not self.result.exists():
            return None
        try:
            return self.ended_with(self.read_result())
        except Damaged:
            return Ended(self, {}, torn=True, stopped=False, stop_file=self.stop.exists())

    def ended_with(self, result: Mapping[str, Any]) -> "Ended[Self]":
        """End of the run with a result that was read before."""
        return Ended(self, result, torn=False, stopped=self.was_stopped(result), stop_file=self.stop.exists())

    def was_stopped(self, result: Mapping[str, Any]) -> bool:
        """True if the result is of a run that its stop file ended, with epochs or stages left."""
        return bool(result.get("stopped", False))

    @staticmethod
    def member_of(path: Path) -> str | None:
        """Member of the run whose recipe file this is; None for any other file."""
        *_, members, member, _, run, name = ("", "", "", "", *path.absolute().parts)
        is_recipe = (members, name) == ("members", "recipe.toml") and RunName.parse(run) is not None
        return member if is_recipe else None


P = TypeVar("P", bound=RunPlace, covariant=True)


@dataclass(frozen=True, eq=False)
class Ended(Generic[P]):
    """End of a run or of a stage: its result as it was read; its weights are hashed once, when first asked about."""

    run: P
    result: Mapping[str, Any]  # of result.json; empty if torn
    torn: bool
    stopped: bool  # by its stop file, with epochs or stages left
    stop_file: bool  # it is still there

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights as the result names it; empty for a result that names none."""
        return self.result.get("weights_sha256") or ""

    @property
    def waits_for_folds(self) -> bool:
        """True if it keeps candidate epochs until the other folds choose one."""
        return bool(self.result.get("candidates")) and not self.stopped

    @property
    def epoch_chosen_on(self) -> str:
        """What chose the epoch: OTHER_FOLDS, HELD_OUT or LAST; HELD_OUT also if it chose that of an earlier stage."""
        parts = [*(self.result.get("stages") or ()), self.result]
        return HELD_OUT if HELD_OUT in map(_chosen_on, parts) else _chosen_on(self.result)

    @cached_property
    def fault(self) -> str | None:
        """Fault of the run's files: result damaged, weights gone or other than the result names; None if complete."""
        if self.torn:
            return f"{self.run.result} is damaged"
        if not self.run.best.is_file():
            return f"{self.run.best} is gone"
        found = sha256_of_file(self.run.best)
        if found == self.weights_sha256:
            return None
        return f"{self.run.best} has SHA-256 {found[:12]}, and the run ended with {self.weights_sha256[:12] or 'none'}"

    @property
    def complete(self) -> bool:
        """True if the weights are those of the end of the run: its last epoch, or the one at which it was stopped."""
        return self.fault is None

    @property
    def done(self) -> bool:
        """True if the run is complete and not to be resumed: a stopped one resumes once its stop file is removed."""
        return self.complete and (not self.stopped or self.stop_file)


@dataclass(frozen=True)
class SetPlace:
    """Place of a prediction set."""

    store: Store
    ref: Ref
    split: str  # "oof", "test" or a name
    name: RunName
    tta: str

    @property
    def folder(self) -> Path:
        """predictions/<member>/<hash>/<split>/fold-<k>[-seed-<s>]/<tta>."""
        recipe = self.store.predictions(self.ref.member) / (self.ref.recipe or "")
        return recipe / self.split / str(self.name) / self.tta

    @property
    def manifest(self) -> Path:
        """Manifest of the set, written last."""
        return self.folder / MANIFEST

    @property
    def run(self) -> RunPlace:
        """Place of the run that predicted the set; nothing lies there if it was imported or trained elsewhere."""
        return self.store.run(self.ref, self.name)


def chosen_on_together(each: Iterable[str | None]) -> str | None:
    """What chose the epochs of several runs: HELD_OUT if that of any; None if any is unknown."""
    found = set(each)
    if None in found:
        return HELD_OUT if HELD_OUT in found else None
    return next((one for one in (HELD_OUT, OTHER_FOLDS, LAST) if one in found), None)


def _chosen_on(result: Mapping[str, Any]) -> str:
    """What chose the epoch of a run or of a stage; in older results, which do not say, the held-out fold."""
    no_choice = result.get("dice") is None or result.get("epochs") == 1
    return str(result.get("epoch_chosen_on") or (LAST if no_choice else HELD_OUT))


def _folders(folder: Path) -> list[str]:
    return [path.name for path in listed(folder, "*") if path.is_dir()]
