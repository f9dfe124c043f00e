"""`cli zoo train` and `cli zoo predict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import detail, next_step, progress, say, show
from core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from zoo.data import Folds, Record, Scenes
    from zoo.members import Recipe
    from zoo.predictions import PredictionSet
    from zoo.training import Epoch, Run

FOLDS = 5
TTA = click.Choice(["none", "flips", "d4"])


def which_members(command: Any) -> Any:
    """The options that say which recipes, trained on which folds."""
    for option in (
        click.option("--with-val", is_flag=True, help="Train on validation records outside the fold too."),
        click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change any key of the recipe."),
        click.option("--seeds", type=click.IntRange(1), default=1, help="So many runs of each fold, from --seed on."),
        click.option("--from", "start", metavar="MEMBER[@HASH]", help="Start from its runs of the same folds."),
        click.option("--epochs", type=click.IntRange(1), help="Epochs; the schedule follows."),
        click.option("--fold", default="all", show_default=True, metavar="K|all|full", help="Which fold is held out."),
        click.option("--member", "files", multiple=True, metavar="FILE", help="A member's TOML of your own."),
        click.argument("members", nargs=-1),
    ):
        command = option(command)
    return command


@click.command("train")
@which_members
@click.option("--tta", type=TTA, default="none", show_default=True, help="Views averaged in the predictions.")
@common
def train(settings: Settings, tta: str, **which: Any) -> None:
    """Train MEMBERS on folds; what is complete is reused, what was cut off goes on.

    Ends with the held-out predictions of each fold in the cache.
    """
    scenes, folds, runs = _plan(settings, **which)
    rows = []
    for run in runs:
        if run.complete:
            say(settings, f"{_label(run)}: is trained already, reused")
        else:
            _train_run(settings, run, scenes, folds)
        if run.fold != "full":
            _predict_held(settings, run, scenes, folds, tta)
        rows.append(_result(run))
    show(settings, rows, lambda console: _print_runs(console, rows))
    next_step(settings, "cli ensemble fit")


@click.command("predict")
@which_members
@click.option("--split", default="oof", show_default=True, type=click.Choice(["oof", "test"]))
@click.option("--tta", type=TTA, default="none", show_default=True, help="Views averaged in the predictions.")
@common
def predict(settings: Settings, split: str, tta: str, **which: Any) -> None:
    """Predict again with what is trained: held-out records or the test records."""
    scenes, folds, runs = _plan(settings, **which)
    trained = [run for run in runs if run.complete and (split == "test" or run.fold != "full")]
    if not trained:
        raise UserError(f"{settings.runs}: none of these runs is complete; run: cli zoo train")
    if split == "test" and not scenes.test:
        raise UserError(f"{', '.join(map(str, settings.data))}: holds no test records")
    rows = []
    for run in trained:
        made = (
            predict_test(settings, run, scenes, tta)
            if split == "test"
            else _predict_held(settings, run, scenes, folds, tta)
        )
        rows.append({"member": run.recipe.name, "fold": run.fold, "seed": run.seed, "records": len(made.record_ids)})
    lines = "\n".join(f"{row['member']} fold {_fold(row)}: {row['records']} records" for row in rows)
    show(settings, rows, lambda console: console.print(lines))
    next_step(settings, "cli ensemble fit" if split == "oof" else "cli submit --out submission.csv")


def _plan(
    settings: Settings,
    *,
    members: tuple[str, ...],
    files: tuple[str, ...],
    fold: str,
    epochs: int | None,
    start: str | None,
    seeds: int,
    sets: tuple[str, ...],
    with_val: bool,
) -> tuple[Scenes, Folds, list[Run]]:
    """Everything that can be refused is refused here, before anything starts."""
    recipes = _recipes(settings, members, files, sets, epochs, start)  # before torch loads: a typo is answered at once

    from zoo.data import read_folds, write_folds
    from zoo.training import check_run, fold_names, pin_start, plan_run, set_threads

    scenes = settings.scenes()
    path = settings.runs / "folds.csv"
    folds = read_folds(path) if path.exists() else _new_folds(settings, scenes)
    names = fold_names(fold, folds)
    runs = [
        plan_run(recipe, name, folds, settings.runs, seed=seed, with_val=with_val)
        for recipe in (pin_start(recipe, settings.runs, names, folds) for recipe in recipes)
        for seed in range(settings.seed, settings.seed + seeds)
        for name in names
    ]
    for run in runs:
        check_run(run, scenes, folds, settings.device)
    if not path.exists():
        write_folds(path, folds)
        say(settings, f"{path}: was not there; made {folds.count} folds grouped by scene")
    set_threads(settings.jobs)
    return scenes, folds, runs


def _recipes(
    settings: Settings,
    members: tuple[str, ...],
    files: tuple[str, ...],
    sets: tuple[str, ...],
    epochs: int | None,
    start: str | None,
) -> list[Recipe]:
    from zoo.members import load_member, parse_setting, with_settings

    changes = dict(parse_setting(text) for text in sets)
    if epochs is not None:
        changes["epochs"] = epochs
    if start is not None:
        changes["start_from"] = start
    names = (settings.line_up(members) if members or not files else ()) + files
    return [with_settings(load_member(name, settings.members), changes) for name in names]


def _new_folds(settings: Settings, scenes: Scenes) -> Folds:
    from zoo.data import make_folds

    with progress(settings, "folds", len(scenes.labelled)) as advance:
        return make_folds(scenes, FOLDS, settings.seed, settings.jobs, advance)


def _train_run(settings: Settings, run: Run, scenes: Scenes, folds: Folds) -> None:
    from zoo.inputs import INPUTS
    from zoo.targets import without_labelers
    from zoo.training import run_examples, run_records, run_scaling, steps_of, train

    if INPUTS.entry(run.recipe.input).facts["scaled"] and not run.scaling.is_file():
        records, _ = run_records(run, scenes, folds)
        with progress(settings, f"{_label(run)} statistics", len(records)) as advance:
            run_scaling(run, scenes, records, settings.jobs, advance)
    seen, held = run_examples(run, scenes, folds)
    steps = sum(recipe.epochs * steps_of(recipe, len(seen)) for recipe in run.recipe.staged)
    say(settings, f"{_label(run)}: trains on {len(seen)} records, holds out {len(held)}; {run.folder}")
    if lacking := without_labelers(scenes, seen.records, run.recipe.target):
        say(settings, f"{_label(run)}: {lacking} of {len(seen)} records keep no labelers; they teach their mask")
    detail(settings, f"{_label(run)}: {steps} steps on {settings.jobs} threads, device {settings.device}")
    with progress(settings, _label(run), steps) as advance:
        train(
            run,
            seen,
            held,
            settings.device,
            advance,
            lambda epoch: _say_epoch(settings, run, epoch),
            note=lambda text: say(settings, f"{_label(run)}: {text}"),
        )


def _result(run: Run) -> dict[str, Any]:
    """What the run ended with, each stage's score beside the log's; older runs have no stages written down."""
    found = {"stages": [], "averaged": [], **run.read_result(), "logged_stages": list(run.recipe.log.stages)}
    return {"member": run.recipe.name, "fold": run.fold, "folder": str(run.folder), **found}


def predict_test(settings: Settings, run: Run, scenes: Scenes, tta: str) -> PredictionSet:
    """The run's maps of the test records, in the cache."""
    return _predict(settings, run, scenes, scenes.test, "test", tta)


def _predict_held(settings: Settings, run: Run, scenes: Scenes, folds: Folds, tta: str) -> PredictionSet:
    from zoo.training import run_records

    _, held = run_records(run, scenes, folds)
    return _predict(settings, run, scenes, held, "oof", tta)


def _predict(
    settings: Settings, run: Run, scenes: Scenes, records: Sequence[Record], split: str, tta: str
) -> PredictionSet:
    from zoo.predict import predict_set

    with progress(settings, f"{_label(run)} {split}", len(records)) as advance:
        return predict_set(run, scenes, records, split=split, tta=tta, device_name=settings.device, advance=advance)


def _say_epoch(settings: Settings, run: Run, epoch: Epoch) -> None:
    dice = "" if epoch.dice is None else f"  Dice {epoch.dice:.4f} at {epoch.threshold:.2f}"
    of = f"{epoch.epoch}/{run.recipe.staged[epoch.stage - 1].epochs}"
    stage = f" stage {epoch.stage}" if epoch.stage else ""
    say(settings, f"{_label(run)}{stage}: epoch {of}  loss {epoch.loss:.4f}{dice}  {epoch.seconds:.0f} s")


def _print_runs(console: Console, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("member", "fold", "best epoch", "Dice", "threshold", "records", "minutes")
    for row in rows:
        found = ["-", "-"] if row["dice"] is None else [f"{row['dice']:.4f}", f"{row['threshold']:.2f}"]
        minutes = f"{row['seconds'] / 60:.1f}"
        cells = [
            row["member"],
            _fold(row),
            f"{'+'.join(map(str, row['averaged'])) or row['best_epoch']}/{row['epochs']}",
            *found,
            row["held_out"],
            minutes,
        ]
        table.add_row(*map(str, cells))
    console.print(table)
    if any(row["stages"] for row in rows):
        console.print(_stages_table(rows))
    console.print("Dice: global, on the held-out records of the fold, epoch and threshold chosen on them.")


def _stages_table(rows: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table("member", "fold", "stage", "best epoch", "Dice", "logged")
    for row in rows:
        for number, stage in enumerate(row["stages"]):
            logged = dict(enumerate(row["logged_stages"])).get(number)
            scores = ["-" if value is None else f"{value:.4f}" for value in (stage["dice"], logged)]
            best = f"{stage['best_epoch']}/{stage['epochs']}"
            table.add_row(row["member"], _fold(row), str(number + 1), best, *scores)
    return table


def _fold(row: dict[str, Any]) -> str:
    return row["fold"] + (f" seed {row['seed']}" if row["seed"] else "")


def _label(run: Run) -> str:
    return f"{run.recipe.name} fold {run.fold}" + (f" seed {run.seed}" if run.seed else "")
