"""Existing runs, found by member and recipe, each read once.

In: a Store, a Ref. Out: ended runs, recipes that were trained, what training them took. Stays outside: torch,
predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.command import Command
from core.errors import Damaged, UnknownName, Unreadable, UsageError, UserError
from core.listener import SILENT, Listener
from zoo.members import Recipe, load_member, member_names, read_recipe, setting_text
from zoo.members.recipe import keys_of
from zoo.runs.names import FULL, Ref
from zoo.runs.run import EndedRun, run_of, stopped_at
from zoo.runs.store import RunPlace, Store

IDENTITY = ("fold", "seed", "with_val", "folds_sha256")  # what a result says of its run, beside the recipe
NEEDED = ("epochs", "best_epoch", "dice", "weights_sha256")  # what is read of every result


def find_runs(store: Store, ref: Ref, fold: str | None = None) -> list[EndedRun]:
    """Find the runs of one recipe, of all folds or one, that have a result; sorted by folder name.

    UserError for one that is damaged or of another recipe. `EndedRun.complete` tells if the weights are still those of
    the result.
    """
    return [read_run(place) for place in _ended(store, ref) if fold in (None, place.fold)]


def read_run(place: RunPlace) -> EndedRun:
    """Read the run that lies at a place; UserError if its result is damaged, or its recipe belongs elsewhere."""
    result = place.read_result()
    if not place.recipe_file.exists():
        raise Damaged(f"{place.recipe_file}: is missing; run again the command that trained it, which writes it")
    lacking = [key for key in ("member", *IDENTITY, *NEEDED) if key not in result]
    if lacking:
        raise UserError(f"{place.result}: has no {lacking[0]}; train the run again")
    recipe = read_recipe(place.recipe_file, result["member"])
    run = run_of(recipe, place.store, **{key: result[key] for key in IDENTITY})
    if run.folder != place.folder:
        raise UserError(f"{place.folder}: holds a run of another recipe ({run.hash}); train it again")
    return run.ended_with(result)


def most_trained(
    store: Store,
    asked: Ref,
    fold_names: Sequence[str],
    folds_sha256: str,
    listener: Listener = SILENT,
    members: Path | None = None,
) -> list[EndedRun]:
    """Find the complete runs of these folds of this split, all their seeds, of one recipe.

    asked: one recipe; or a member, of whose recipes the one with most of the folds is taken, the newest of several.
    members: the folder of the user. The listener is told of folders that are passed over, see `runs_by_recipe`,
    of recipes that were not taken, and of runs that were stopped. UserError if there is none, with the command that
    trains it.
    """
    found = [
        [ended for ended in of_one if _counts(ended, fold_names, folds_sha256)]
        for of_one in runs_by_recipe(store, asked, listener)
    ]
    best = max(found, key=_rank, default=[])
    if not best:
        raise not_trained(store, asked, fold_names, members)
    taken = best[0].run.ref
    others = [taken.of(recipe) for recipe in recipes_by_age(store, Ref(taken.member)) if recipe != taken.recipe]
    if others and asked.recipe is None:
        listener.note(f"{taken} is the newest with these folds; others: {', '.join(map(str, others))}")
    for ended in best:
        if ended.stopped:
            listener.note(f"{ended.run.full_label}: was stopped at {stopped_at(ended)}")
    return best


def runs_of_folds(
    store: Store,
    asked: Ref,
    fold_names: Sequence[str],
    folds_sha256: str,
    listener: Listener = SILENT,
    members: Path | None = None,
) -> list[EndedRun]:
    """Find runs as `most_trained` does; UserError if one of the folds has none."""
    found = most_trained(store, asked, fold_names, folds_sha256, listener, members)
    if lacking := lacking_folds(found, fold_names, members):
        raise lacking
    return found


def one_per_fold(runs: Sequence[EndedRun]) -> list[EndedRun]:
    """Run with the lowest seed of each fold, in the order of the folds; the runs are of one recipe and no `full`."""
    lowest = {ended.run.fold: ended for ended in sorted(runs, key=lambda ended: -ended.run.seed)}
    return [lowest[fold] for fold in sorted(lowest, key=int)]


def lacking_folds(runs: Sequence[EndedRun], fold_names: Sequence[str], members: Path | None = None) -> UserError | None:
    """Error that names the folds without any of these runs, all of one recipe; None if each fold has one.

    members: the folder of the user.
    """
    lacking = [name for name in fold_names if name not in {ended.run.fold for ended in runs}]
    if not lacking:
        return None
    first = runs[0]
    what = f"{first.run.ref}: no complete run of fold {', '.join(lacking)}"
    return UserError(what, how_to_train(first, lacking, _listed(first.run.member, members)))


def runs_by_recipe(store: Store, ref: Ref, listener: Listener = SILENT) -> list[list[EndedRun]]:
    """Find the runs of each of a member's recipes, the recipe with the newest result first; or of the one named.

    If none is named, foreign and damaged runs are skipped with a note each. UserError for such a run of the recipe that
    is named.
    """
    recipes = recipes_by_age(store, ref)
    if ref.recipe is not None:
        return [find_runs(store, ref.of(recipe)) for recipe in recipes]
    found: list[list[EndedRun]] = []
    passed_over = []
    for recipe in recipes:
        found.append([])
        for place in _ended(store, ref.of(recipe)):
            try:
                found[-1].append(read_run(place))
            except Damaged as damage:
                listener.note(f"skipped: {damage.what}", damage.do)
            except Unreadable:
                raise
            except UserError:
                passed_over.append(str(place.folder))
    if passed_over:
        listener.note(
            f"skipped, because they hold no run of their folder's recipe: {', '.join(sorted(passed_over))}; remove them"
        )
    return found


def recipes_by_age(store: Store, ref: Ref) -> list[str]:
    """List the hashes of a member's recipes, the one with the newest result first; or the one that `ref` means.

    UserError if several begin so.
    """
    recipes = store.recipes(ref.member)
    if ref.recipe is not None:
        meant = ref.resolve(recipes)
        recipes = [recipe for recipe in recipes if recipe == meant]

    def written(recipe: str) -> int:
        return max((place.result.stat().st_mtime_ns for place in _ended(store, ref.of(recipe))), default=0)

    return sorted(recipes, key=written, reverse=True)


def not_trained(
    store: Store, asked: Ref, fold_names: Sequence[str], members: Path | None = None, where: str = ""
) -> UserError:
    """Error for a member or recipe without runs of these folds, with the command to run; `where` it was named.

    A UsageError if no member has this name, neither a trained nor a listed one.
    """
    member, known = asked.member, store.trained_members()
    if member not in known and member not in member_names(members):
        if not known:
            return UsageError(f'{where}no member "{member}", and none is trained in {store}', Command("zoo list"))
        return UnknownName("trained member", member, known, f"{where}{store}", Command("zoo list"))
    recipes = [recipe for recipe in recipes_by_age(store, Ref(member)) if _ended(store, asked.of(recipe))]
    meant = asked.resolve(recipes)
    if asked.recipe is not None and recipes and meant is None:
        return UserError(f"{where}{no_recipe(store, asked, recipes)}")
    what = f"{where}{asked}: no complete run of fold {', '.join(fold_names)} of this split in {store}"
    if meant:
        return UserError(what, how_to_train(find_runs(store, asked.of(meant))[0], fold_names))
    trained = [ended for of_one in runs_by_recipe(store, asked) for ended in of_one] if recipes else []
    how = Command("zoo train", member, fold=_folds_option(fold_names))
    if trained:  # on other folds or another split, or their weights are gone
        how = how_to_train(trained[0], fold_names, _listed(member, members))
    begun = _begun(store, asked, fold_names)
    if begun:
        return UserError(
            f"{what}; {begun} is unfinished: resume it with the command that started it, or train it again", how
        )
    return UserError(what, how)


def no_recipe(store: Store, asked: Ref, known: Sequence[str]) -> UserError:
    """Error for a hash that none of the known recipes has or begins with."""
    there = f"there are: {asked.listed(known)}" if known else "there is no run of it"
    return UserError(f"{asked}: was not trained in {store}; {there}")


def how_to_train(ended: EndedRun, fold_names: Sequence[str], listed: Recipe | None = None) -> Command:
    """Command that trains these folds by the recipe of a run: what it changes of the listed member, else its file."""
    run, fold = ended.run, _folds_option(fold_names)
    if not listed:
        return Command("zoo train", run.recipe_file, fold=fold, with_val=run.with_val)
    sets = [setting_text(key, value) for key, value in changed_keys(run.recipe, listed).items()]
    return Command("zoo train", run.member, fold=fold, set=sets, with_val=run.with_val)


@dataclass(frozen=True, kw_only=True)
class Training:
    """Training of one recipe: over all its runs on folds."""

    recipe: Recipe
    minutes: float  # of all runs together
    epochs: float  # that one run went through, in all its stages: the mean over the runs
    runs: int


def read_training(store: Store, ref: Ref) -> Training | None:
    """Read how long the runs of a recipe on folds took; None without runs, as of a member made elsewhere."""
    places = [place for place in _ended(store, ref) if place.fold != FULL]
    if not places:
        return None
    results = [(place, place.read_result()) for place in places]
    seconds, epochs = (sum(run_total(*each, key) for each in results) for key in ("seconds", "epochs"))
    recipe = read_recipe(places[0].recipe_file, ref.member)
    return Training(recipe=recipe, minutes=seconds / 60, epochs=epochs / len(places), runs=len(places))


def trained_recipes(store: Store, member: str) -> dict[str, RunPlace]:
    """List the hashes of the recipes with a run, complete or not, each with a place that has its recipe file."""
    places = [place for recipe in store.recipes(member) for place in store.runs(Ref(member, recipe))]
    return {place.hash: place for place in places if place.recipe_file.is_file()}


def read_trained_recipe(store: Store, asked: Ref) -> tuple[str, Recipe]:
    """Read the recipe that runs wrote down, complete or not, and its hash, which is or alone begins as asked.

    UserError if there is none, with those there are.
    """
    written = trained_recipes(store, asked.member)
    meant = asked.resolve(written)
    if meant is None:
        raise no_recipe(store, asked, list(written))
    return meant, read_recipe(written[meant].recipe_file, asked.member)


def changed_keys(recipe: Recipe, listed: Recipe) -> dict[str, Any]:
    """Keys in which the recipe of a run differs from the listed one, with the run's values.

    What a run only looks up is no change: the offset of the labels, the hash of a file of weights or of pseudo-labels,
    the recipe of the member that it starts from or learns from.
    """
    mine, other = recipe.resolved, listed.resolved
    looked_up = {"label_offset", *(key for key in ("weights_sha256", "pseudo_sha256") if not other[key])}
    looked_up |= {key for key in ("start_from", "pseudo") if other[key] and mine[key].startswith(f"{other[key]}@")}
    same = looked_up.union(keys_of("speed"))
    return {key: value for key, value in mine.items() if value != other[key] and key not in same}


def _ended(store: Store, ref: Ref) -> list[RunPlace]:
    """Runs of a recipe that have a result, whatever it says."""
    return [place for place in store.runs(ref) if place.result.is_file()]


def _listed(member: str, members: Path | None) -> Recipe | None:
    """Listed recipe of a member; None without a readable one."""
    try:
        return load_member(member, members)
    except UserError:
        return None


def _rank(of_one: Sequence[EndedRun]) -> tuple[int, int]:
    """Most folds first, then newest: of these runs alone, for a later one of another fold says nothing of them."""
    newest = max((ended.run.result.stat().st_mtime_ns for ended in of_one), default=0)
    return len({ended.run.fold for ended in of_one}), newest


def _counts(ended: EndedRun, fold_names: Sequence[str], folds_sha256: str) -> bool:
    return ended.run.fold in fold_names and ended.run.folds_sha256 == folds_sha256 and ended.complete


def _begun(store: Store, asked: Ref, fold_names: Sequence[str]) -> Path | None:
    """First folder of a run of these folds, with seed 0, that has no result."""
    recipes = [recipe for recipe in store.recipes(asked.member) if recipe.startswith(asked.recipe or "")]
    places = [place for recipe in recipes for place in store.runs(asked.of(recipe))]
    begun = (place for place in places if place.fold in fold_names and not place.seed and not place.result.is_file())
    return next((place.folder for place in begun), None)


def _folds_option(fold_names: Sequence[str]) -> str:
    return fold_names[0] if len(fold_names) == 1 else "all"


def run_total(place: RunPlace, result: Mapping[str, Any], key: str) -> float:
    """Seconds or epochs of a run over all its stages."""
    parts = result.get("stages") or [result]
    try:
        return float(sum(part[key] for part in parts))
    except (KeyError, TypeError) as error:
        raise UserError(f"{place.result}: has no {key}; train the run again") from error
