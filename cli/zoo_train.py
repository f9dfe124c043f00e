"""`cli zoo train`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli.folds import find_folds, keep_folds
from cli.options import TTA, Settings, common
from cli.output import detail, next_step, progress, say, say_note, show
from cli.runs import fold_words, label, stopped_at
from core.errors import UsageError
from core.thresholds import threshold_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from zoo.data import Folds, Record, Scenes
    from zoo.members import Recipe
    from zoo.predictions import PredictionSet
    from zoo.training import Epoch, Run


@click.command("train")
@click.argument("members", nargs=-1)
@click.option("--member", "files", multiple=True, metavar="FILE", help="A member's TOML of your own.")
@click.option("--fold", default="all", show_default=True, metavar="K|K-L|all|full", help="Which fold is held out.")
@click.option("--epochs", type=click.IntRange(1), help="Epochs; the schedule follows.")
@click.option("--from", "start", metavar="MEMBER[@HASH]", help="Start from its runs of the same folds.")
@click.option("--seeds", type=click.IntRange(1), default=1, help="So many runs of each fold, from --seed on.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change any key of the recipe.")
@click.option("--with-val", is_flag=True, help="Train on validation records outside the fold too.")
@click.option("--tta", type=TTA, default="none", show_default=True, help="Views averaged in the predictions.")
@common
def train(settings: Settings, tta: str, **which: Any) -> None:
    """Train MEMBERS on folds; what is complete is reused, what was cut off goes on.

    Ends with the held-out predictions of each fold in the cache.
    """
    scenes, folds, runs = _plan(settings, **which)
    rows = []
    for run in runs:
        if run.done:
            say(settings, f"{label(run)}: is trained already, reused")
        else:
            _train_run(settings, run, scenes, folds)
        if run.stopped:
            say(settings, f"{label(run)}: stopped at {stopped_at(run)}; remove {run.stop} to train it on")
        if run.fold != "full":
            _predict_held(settings, run, scenes, folds, tta)
        rows.append(_result(run))
    show(settings, rows, lambda console: _print_runs(console, rows))
    next_step(settings, "cli ensemble fit")


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
    # before torch loads: a typo is answered at once
    recipes = _recipes(settings, members, files, sets, epochs, start)

    from zoo.training import check_run, fold_names, pin_start, plan_run, set_threads

    scenes = settings.scenes()
    folds = find_folds(settings, scenes)
    names, note = fold_names(fold, folds), partial(say_note, settings)
    runs = [
        plan_run(recipe, name, folds, settings.runs, seed=seed, with_val=with_val)
        for recipe in (pin_start(recipe, settings.runs, names, folds, note) for recipe in recipes)
        for seed in range(settings.seed, settings.seed + seeds)
        for name in names
    ]
    for run in runs:
        check_run(run, scenes, folds, settings.device)
    keep_folds(settings, folds)
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
    """The members that are named, the default line-up without any, with the keys that the options change."""
    from zoo.members import load_member, parse_setting, with_settings

    changes = dict(parse_setting(text) for text in sets)
    for option, key, value in (("--epochs", "epochs", epochs), ("--from", "start_from", start)):
        if value is not None and changes.setdefault(key, value) != value:
            raise UsageError(f"{option} {value} and --set {key}={changes[key]} differ; give one of them")
    names = (settings.line_up(members) if members or not files else ()) + files
    return [with_settings(load_member(name, settings.members), changes) for name in names]


def _train_run(settings: Settings, run: Run, scenes: Scenes, folds: Folds) -> None:
    from zoo.inputs import INPUTS
    from zoo.targets import without_labelers
    from zoo.training import run_examples, run_records, run_scaling, steps_of, train

    if INPUTS.entry(run.recipe.input).facts["scaled"] and not run.scaling.is_file():
        records, _ = run_records(run, scenes, folds)
        with progress(settings, f"{label(run)} statistics", len(records)) as advance:
            run_scaling(run, scenes, records, settings.jobs, advance)
    seen, held = run_examples(run, scenes, folds)
    steps = sum(recipe.epochs * steps_of(recipe, len(seen)) for recipe in run.recipe.staged)
    say(settings, f"{label(run)}: trains on {len(seen)} records, holds out {len(held)}; {run.folder}")
    if lacking := without_labelers(scenes, seen.records, run.recipe.target):
        say(settings, f"{label(run)}: {lacking} of {len(seen)} records keep no labelers; they teach their mask")
    detail(settings, f"{label(run)}: {steps} steps on {settings.jobs} threads, device {settings.device}")
    with progress(settings, label(run), steps) as advance:
        train(
            run,
            seen,
            held,
            settings.device,
            advance,
            lambda epoch: _say_epoch(settings, run, epoch),
            note=lambda text: say(settings, f"{label(run)}: {text}"),
        )


def _result(run: Run) -> dict[str, Any]:
    """What the run ended with, each stage's score beside the log's; older runs have no stages written down."""
    found = {"stages": [], "averaged": [], **run.read_result(), "logged_stages": list(run.recipe.log.stages)}
    stopped = {"stopped": run.stopped, "stopped_at": stopped_at(run) if run.stopped else None}
    return {"member": run.recipe.name, "fold": run.fold, "folder": str(run.folder), **found, **stopped}


def _predict_held(settings: Settings, run: Run, scenes: Scenes, folds: Folds, tta: str) -> PredictionSet:
    from zoo.training import run_records

    _, held = run_records(run, scenes, folds)
    return predict_run(settings, run, scenes, held, "oof", tta)


def predict_run(
    settings: Settings, run: Run, scenes: Scenes, records: Sequence[Record], split: str, tta: str
) -> PredictionSet:
    """The run's maps of these records, in the cache."""
    from zoo.predict import predict_set

    with progress(settings, f"{label(run)} {split}", len(records)) as advance:
        return predict_set(run, scenes, records, split=split, tta=tta, device_name=settings.device, advance=advance)


def _say_epoch(settings: Settings, run: Run, epoch: Epoch) -> None:
    dice = "" if epoch.threshold is None else f"  Dice {epoch.dice:.4f} at {threshold_text(epoch.threshold)}"
    of = f"{epoch.epoch}/{run.recipe.staged[epoch.stage - 1].epochs}"
    stage = f" stage {epoch.stage}" if epoch.stage else ""
    say(settings, f"{label(run)}{stage}: epoch {of}  loss {epoch.loss:.4f}{dice}  {epoch.seconds:.0f} s")


def _print_runs(console: Console, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("member", "fold", "best epoch", "Dice", "threshold", "records", "minutes")
    for row in rows:
        found = ["-", "-"] if row["dice"] is None else [f"{row['dice']:.4f}", threshold_text(row["threshold"])]
        seconds = sum(stage["seconds"] for stage in row["stages"] or [row])
        epoch = _best_epoch(row)
        cells = [
            row["member"],
            fold_words(row["fold"], row["seed"]),
            f"{epoch}, stopped at {row['stopped_at']}" if row["stopped"] else epoch,
            *found,
            row["held_out"],
            f"{seconds / 60:.1f}",
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
            table.add_row(
                row["member"], fold_words(row["fold"], row["seed"]), str(number + 1), _best_epoch(stage), *scores
            )
    return table


def _best_epoch(result: dict[str, Any]) -> str:
    """Of a run or a stage: whose weights were kept, the mean of several or the best one's, of how many."""
    return f"{'+'.join(map(str, result.get('averaged', ()))) or result['best_epoch']}/{result['epochs']}"
