"""What a run is, where it lies, and which records it may see."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import UnknownName, UsageError, UserError
from core.files import check_format, read_json, sha256_of, sha256_of_file
from zoo.data import Folds, Record, Scenes
from zoo.members import Recipe, member_names, read_recipe, setting_text
from zoo.members.trained import changed_keys
from zoo.recipe_names import meant_recipe, no_recipe, split_name

Note = Callable[[str], None]

FULL = "full"
IDENTITY = ("fold", "seed", "with_val", "folds_sha256")  # what a result says of its run, beside the recipe
KEPT = "epoch-{}.safetensors"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A member trained on one fold with one seed; `folder` is its own."""

    recipe: Recipe
    fold: str  # "0", "1", ... or "full"
    seed: int
    with_val: bool
    folds_sha256: str
    runs: Path
    stage: int = 0  # from 1, of a staged recipe; 0: the run as a whole, whose weights are the last stage's

    @property
    def taught(self) -> Recipe:
        """The recipe by which this run, or this stage of it, trains."""
        return self.recipe.staged[self.stage - 1]

    @property
    def stage_number(self) -> int:
        """From 1, the last one's too; 0 where there are no stages."""
        return self.stage or len(self.recipe.stages)

    @property
    def stages(self) -> tuple[Run, ...]:
        """Its stages in order, the last one in the run's own folder; the run itself where it has none."""
        return (*(replace(self, stage=number) for number in range(1, len(self.recipe.staged))), replace(self, stage=0))

    @property
    def hash(self) -> str:
        """Names the recipe as it was trained with this split."""
        return self.recipe.hash(self.with_val, self.folds_sha256)

    @property
    def folder(self) -> Path:
        """members/<member>/<hash>/fold-<k>[-seed-<s>], of an earlier stage stage-<n> below it."""
        name = f"fold-{self.fold}" + (f"-seed-{self.seed}" if self.seed else "")
        folder = self.runs / "members" / self.recipe.name / self.hash / name
        return folder / f"stage-{self.stage}" if self.stage else folder

    @property
    def best(self) -> Path:
        """The weights of the best epoch."""
        return self.folder / "best.safetensors"

    @property
    def scaling(self) -> Path:
        """The statistics of the training records that scale the input, where it needs some."""
        return self.folder / "scaling.json"

    @property
    def result(self) -> Path:
        """Written last: its presence means that the run is complete."""
        return self.folder / "result.json"

    @property
    def state(self) -> Path:
        """What an unfinished run goes on from."""
        return self.folder / "last.pt"

    def kept(self, epoch: int) -> Path:
        """The weights of an epoch that is to be averaged, until the run is done."""
        return self.folder / KEPT.format(epoch)

    @property
    def stop(self) -> Path:
        """A file that ends the run after its epoch; once it is removed, the run can be trained on."""
        return replace(self, stage=0).folder / "stop"

    @property
    def complete(self) -> bool:
        """It has the weights that it ended with: trained to its end, or to where it was told to stop."""
        return self.result.is_file() and self.spoilt is None

    @property
    def spoilt(self) -> str | None:
        """Of a run that has a result: which file of it is torn, gone or of other weights; None where none is."""
        try:
            noted = self.read_result().get("weights_sha256")
        except UserError:
            return f"{self.result} is torn"
        if not self.best.is_file():
            return f"{self.best} is gone"
        found = sha256_of_file(self.best)
        if noted == found:
            return None
        return f"{self.best} has SHA-256 {found[:12]}, and the run ended with {(noted or 'none')[:12]}"

    @property
    def stopped(self) -> bool:
        """Of a complete run: ended by its stop file, with epochs or stages left that it was to have."""
        result = self.read_result()
        if "stopped" in result:
            return bool(result["stopped"])
        stages = zip(result["stages"], self.recipe.staged) if result.get("stages") else [(result, self.taught)]
        return any(stage["epochs"] < recipe.epochs and not stage.get("lost_patience") for stage, recipe in stages)

    @property
    def done(self) -> bool:
        """Complete, and not to be trained on: what was stopped goes on once its stop file is gone."""
        return self.complete and (not self.stopped or self.stop.exists())

    def read_result(self) -> dict[str, Any]:
        """What the run ended with; UserError where it is torn."""
        document = read_json(self.result)
        if not isinstance(document, dict):
            raise UserError(f"{self.result}: is no result of a run; train it again")
        return document

    def random_seed(self, *what: object) -> int:
        """A seed of its own for each use; folds differ, or their errors would be alike (58th place)."""
        place = [self.hash, self.fold, self.seed] + ([f"stage {self.stage}"] if self.recipe.stages else [])
        return int(sha256_of([*place, *map(str, what)])[:15], 16)


def plan_run(recipe: Recipe, fold: str, folds: Folds, runs: Path, *, seed: int, with_val: bool) -> Run:
    """The run of `fold` ("0" ... or "full"); UsageError for a fold that the split does not have."""
    _check_fold(fold, folds)
    return Run(recipe=recipe, fold=fold, seed=seed, with_val=with_val, folds_sha256=folds.sha256, runs=runs)


def fold_names(fold: str, folds: Folds) -> list[str]:
    """The folds that `--fold` names: K, K-L with both ends, "all" or "full"; UsageError for what the split lacks."""
    names = _names(folds)
    if fold == "all":
        return names
    first, dash, last = fold.partition("-")
    if dash and first in names and last in names[names.index(first) :]:
        return names[names.index(first) : names.index(last) + 1]
    _check_fold(fold, folds)
    return [fold]


def _check_fold(fold: str, folds: Folds) -> None:
    if fold not in (*_names(folds), FULL):
        several = ", some as K-L" if folds.count > 1 else ""
        raise UsageError(
            f"--fold {fold}: the split has folds 0 to {folds.count - 1}; give one of them{several}, all or full"
        )


def _names(folds: Folds) -> list[str]:
    return [str(number) for number in range(folds.count)]


def find_runs(runs: Path, member: str, recipe_hash: str) -> list[Run]:
    """The runs of one recipe of a member that have a result, by fold and seed; torn or foreign ones are UserErrors.

    Whether their weights are those of the result says `Run.complete`.
    """
    return [_read_run(folder, runs) for folder in _ended(runs / "members" / member / recipe_hash)]


def _ended(place: Path) -> list[Path]:
    """The folders of a recipe's runs that came to an end, or say so."""
    return sorted(path.parent for path in place.glob("fold-*/result.json"))


def most_trained(
    runs: Path,
    asked: str,
    fold_names: Sequence[str],
    folds_sha256: str,
    note: Note = lambda text: None,
    members: Path | None = None,
) -> list[Run]:
    """The complete runs of these folds of this split, all their seeds, of one recipe.

    asked: MEMBER@HASH; or MEMBER, of whose recipes the one with most of the folds is taken, the newest of several.
    UserError where there is none, and what to run. `note` is told of folders that are passed over, see
    `runs_by_recipe`. members: the folder of the user's own.
    """
    member, wanted = split_name(asked)
    found = [
        [run for run in of_one if _counts(run, fold_names, folds_sha256)]
        for of_one in runs_by_recipe(runs, member, wanted, note)
    ]
    best = max(found, key=_rank, default=[])
    if not best:
        raise not_trained(runs, asked, fold_names, members)
    return best


def _rank(of_one: Sequence[Run]) -> tuple[int, int]:
    """Most folds first, then newest: of these runs alone, for a later one of another fold says nothing of them."""
    newest = max((run.result.stat().st_mtime_ns for run in of_one), default=0)
    return len({run.fold for run in of_one}), newest


def _counts(run: Run, fold_names: Sequence[str], folds_sha256: str) -> bool:
    return run.fold in fold_names and run.folds_sha256 == folds_sha256 and run.complete


def not_trained(
    runs: Path, asked: str, fold_names: Sequence[str], members: Path | None = None, where: str = ""
) -> UserError:
    """Why `asked`, MEMBER or MEMBER@HASH, gives no runs of these folds, and what to type; `where` it was named.

    A UsageError where no member is called so, neither a trained nor a listed one.
    """
    member, wanted = split_name(asked)
    known = [place.name for place in (runs / "members").glob("*") if place.is_dir()]
    if member not in known and member not in member_names(members):
        if not known:
            return UsageError(f'{where}no member "{member}", and none is trained in {runs}; see: cli zoo list')
        return UnknownName("trained member", member, known, f"{where}{runs}", "cli zoo list")
    recipes = {place.name: place for place in recipe_folders(runs, member) if _ended(place)}
    meant = meant_recipe(member, wanted, recipes) if wanted else None
    if wanted is not None and recipes and meant is None:
        return UserError(f"{where}{no_recipe(member, wanted, recipes, runs)}")
    which = fold_names[0] if len(fold_names) == 1 else "all"
    how = f"run: cli zoo train {member} --fold {which}"
    if meant:
        how = how_to_train(find_runs(runs, member, meant)[0], fold_names)
    elif begun := _begun(runs, member, wanted or "", fold_names):
        how = f"{begun} is not at its end: go on with the command that began it, or {how}"
    return UserError(f"{where}{asked}: no complete run of fold {', '.join(fold_names)} of this split in {runs}; {how}")


def _begun(runs: Path, member: str, recipe_hash: str, fold_names: Sequence[str]) -> Path | None:
    """The first folder of a run of these folds that has no result."""
    found = (path for name in fold_names for path in (runs / "members" / member).glob(f"{recipe_hash}*/fold-{name}"))
    return next((path for path in sorted(found) if not (path / "result.json").is_file()), None)


def how_to_train(run: Run, fold_names: Sequence[str], listed: Recipe | None = None) -> str:
    """What trains these folds by the recipe of this run: by what it changes of the listed member, else by its file."""
    name = run.recipe.name
    words = ["--fold", fold_names[0] if len(fold_names) == 1 else "all"]
    if listed:
        sets = [setting_text(key, value) for key, value in changed_keys(run.recipe, listed).items()]
        words = [name, *words, *(word for text in sets for word in ("--set", text))]
    else:
        words = ["--member", str(run.folder / "recipe.toml"), *words]
    return f"run: {shlex.join(['cli', 'zoo', 'train', *words, *(['--with-val'] if run.with_val else [])])}"


def runs_by_recipe(
    runs: Path, member: str, recipe_hash: str | None = None, note: Note = lambda text: None
) -> list[list[Run]]:
    """The runs of each of a member's recipes, that of the newest result first; or of the one whose hash is given.

    Where none is given, foreign and torn runs do not keep the others from being found: they are passed over, and `note`
    is told of them all. UserError for such a one in the recipe that is asked for.
    """
    places = recipe_folders(runs, member, recipe_hash)
    if recipe_hash is not None:
        return [find_runs(runs, member, place.name) for place in places]
    found: list[list[Run]] = []
    passed_over = []
    for place in places:
        found.append([])
        for folder in _ended(place):
            try:
                found[-1].append(_read_run(folder, runs))
            except UserError:
                passed_over.append(str(folder))
    if passed_over:
        note(
            f"passed over, for they hold no run of their folder's recipe: {', '.join(sorted(passed_over))}; remove them"
        )
    return found


def recipe_folders(runs: Path, member: str, recipe_hash: str | None = None) -> list[Path]:
    """A member's recipes, that of the newest result first; the one whose hash is, or alone begins, so.

    UserError where several begin so.
    """

    def written(folder: Path) -> int:
        return max(((path / "result.json").stat().st_mtime_ns for path in _ended(folder)), default=0)

    places = [path for path in (runs / "members" / member).glob("*") if path.is_dir()]
    if recipe_hash is not None:
        meant = meant_recipe(member, recipe_hash, {place.name for place in places})
        places = [place for place in places if place.name == meant]
    return sorted(places, key=written, reverse=True)


def _read_run(folder: Path, runs: Path) -> Run:
    result = read_json(folder / "result.json")
    check_format(result, 1, folder / "result.json")
    lacking = [key for key in ("member", *IDENTITY) if key not in result]
    if lacking:
        raise UserError(f"{folder / 'result.json'}: says no {lacking[0]}; train the run again")
    recipe = read_recipe(folder / "recipe.toml", result["member"])
    run = Run(recipe=recipe, runs=runs, **{key: result[key] for key in IDENTITY})
    if run.folder != folder:
        raise UserError(f"{folder}: holds a run of another recipe ({run.hash}); train it again")
    return run


def run_records(run: Run, scenes: Scenes, folds: Folds) -> tuple[list[Record], list[Record]]:
    """The records that the run trains on and those it holds out, each sorted by id.

    It trains on the train records outside its fold, with `with_val` on the validation records outside it too;
    it predicts every labelled record of its fold. `full` trains on all and holds none out.
    """
    labelled = sorted(scenes.labelled, key=lambda record: record.id)
    folds.require([record.id for record in labelled])
    _refuse_absent(labelled, folds)
    held = [] if run.fold == FULL else [r for r in labelled if folds.fold_of[r.id] == int(run.fold)]
    apart = {record.id for record in held}
    seen = [r for r in labelled if r.id not in apart and (run.with_val or r.split == "train")]
    if not seen:
        raise UserError(
            f"fold {run.fold}: no records to train on (validation records need --with-val); "
            "name more sources or other folds"
        )
    if run.fold != FULL and not held:
        raise UserError(f"fold {run.fold}: holds no labelled record of these sources; make new folds: cli data folds")
    _refuse_leak(seen, held, folds)
    return seen, held


def _refuse_absent(labelled: list[Record], folds: Folds) -> None:
    """The hash names the split; runs that saw different parts of it would be taken for one member's."""
    absent = sorted(set(folds.fold_of) - {record.id for record in labelled})
    if absent:
        raise UserError(
            f"folds.csv lists {len(absent)} records that these sources lack, {absent[0]} first; "
            "name every source with --data, or make folds of these in another --runs"
        )


def _refuse_leak(seen: list[Record], held: list[Record], folds: Folds) -> None:
    groups = {folds.group_of[record.id] for record in held}
    for record in seen:
        if folds.group_of[record.id] in groups:
            raise UserError(f"record {record.id}: its scene group is trained on and held out; mend folds.csv")
