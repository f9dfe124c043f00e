"""`cli zoo predict`: what is trained predicts again, and needs nothing of what training needed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from cli.options import TTA, Settings, common
from cli.output import next_step, say, show
from cli.zoo_train import fold_words, predict_run, recipes_of, which_members
from core.errors import UsageError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data import Folds
    from zoo.members import Recipe
    from zoo.training import Run


@click.command("predict")
@which_members
@click.option("--split", default="oof", show_default=True, type=click.Choice(["oof", "test"]))
@click.option("--tta", type=TTA, default="none", show_default=True, help="Views averaged in the predictions.")
@common
def predict(settings: Settings, split: str, tta: str, **which: Any) -> None:
    """Predict again with what is trained: held-out records or the test records.

    The options name the runs as they do for `train`. Folds without a complete run are named and left out.
    """
    if split == "oof" and which["fold"] == "full":
        raise UsageError("--fold full holds no records out; predict the test records with it: --split test")
    keys = {key: which[key] for key in ("members", "files", "sets", "epochs", "start")}
    recipes = recipes_of(settings, **keys)

    from zoo.data import read_folds
    from zoo.training import check_prediction, run_records, set_threads

    scenes = settings.scenes()
    if split == "test" and not scenes.test:
        raise UserError(f"{', '.join(map(str, settings.data))}: holds no test records; name a source that does")
    folds = read_folds(settings.runs / "folds.csv")
    trained = _trained(settings, recipes, folds, which)
    records = [scenes.test if split == "test" else run_records(run, scenes, folds)[1] for run in trained]
    for run, ours in zip(trained, records):
        check_prediction(run, scenes, ours, settings.device)
    set_threads(settings.jobs)
    rows = []
    for run, ours in zip(trained, records):
        made = predict_run(settings, run, scenes, ours, split, tta)
        rows.append({"member": run.recipe.name, "fold": run.fold, "seed": run.seed, "records": len(made.record_ids)})
    lines = "\n".join(f"{row['member']} fold {fold_words(row)}: {row['records']} records" for row in rows)
    show(settings, rows, lambda console: console.print(lines))
    next_step(settings, "cli ensemble fit" if split == "oof" else "cli submit --out submission.csv")


def _trained(settings: Settings, recipes: Sequence[Recipe], folds: Folds, which: dict[str, Any]) -> list[Run]:
    """The complete ones of the runs that are meant; the others are named. UserError where there is none."""
    from zoo.training import fold_names, plan_run, started_as

    with_val = which["with_val"]
    runs = [
        plan_run(recipe, name, folds, settings.runs, seed=seed, with_val=with_val)
        for recipe in (started_as(recipe, settings.runs, folds, with_val) for recipe in recipes)
        for seed in range(settings.seed, settings.seed + which["seeds"])
        for name in fold_names(which["fold"], folds)
    ]
    trained = [run for run in runs if run.complete]
    lacking = [run for run in runs if run not in trained]
    if not lacking:
        return trained
    untrained = {run.recipe.name for run in lacking}.difference(run.recipe.name for run in trained)
    line = f"no complete run of {_listed(lacking)}; run: {_train_command(settings, lacking, which)}"
    line += _others(settings, sorted(untrained))
    if not trained:
        raise UserError(f"{settings.runs}: {line}")
    say(settings, f"warning: {line}; the others predict")
    return trained


def _listed(runs: Sequence[Run]) -> str:
    """Each member with its folds."""
    folds: dict[str, list[str]] = {}
    for run in runs:
        folds.setdefault(run.recipe.name, []).append(fold_words({"fold": run.fold, "seed": run.seed}))
    return "; ".join(f"{name} fold {', '.join(names)}" for name, names in folds.items())


def _train_command(settings: Settings, lacking: Sequence[Run], which: dict[str, Any]) -> str:
    """What trains these runs; it reuses what is there of the others."""
    folds = {run.fold for run in lacking}
    options = [
        *(("--member", path) for path in which["files"]),
        ("--fold", which["fold"] if len(folds) > 1 else min(folds)),
        ("--epochs", which["epochs"]),
        ("--from", which["start"]),
        ("--seed", settings.seed or None),
        ("--seeds", which["seeds"] if which["seeds"] > 1 else None),
        *(("--set", text) for text in which["sets"]),
    ]
    words = [*which["members"], *(str(word) for option in options if option[1] is not None for word in option)]
    return shlex.join(["cli", "zoo", "train", *words, *(["--with-val"] if which["with_val"] else [])])


def _others(settings: Settings, members: Sequence[str]) -> str:
    """Recipes of these members that are trained: they are meant only with the options by which they were."""
    from zoo.training import recipe_folders

    places = [place for member in members for place in recipe_folders(settings.runs, member)]
    found = [f"{place.parent.name}@{place.name}" for place in places if any(place.glob("fold-*/result.json"))]
    return f"; trained by other options: {', '.join(found)}" if found else ""
