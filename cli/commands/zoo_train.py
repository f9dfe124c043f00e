"""`cli zoo train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from cli.options import TTA, VIEWS, Settings, common
from cli.output import detail, next_step, say, show
from cli.runs import export_command
from cli.tables.columns import EMPTY, Column, as_table, column_of
from core.errors import UsageError
from core.thresholds import threshold_text
from zoo.runs import RunName

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.data import Folds, Record, Scenes
    from zoo.members import Recipe
    from zoo.predictions import PredictionSet
    from zoo.runs.run import EndedRun, Run
    from zoo.training import Epoch, Planned


@click.command("train")
@click.argument("members", nargs=-1)
@click.option("--member", "files", multiple=True, metavar="FILE", help="A member's TOML of your own.")
@click.option("--fold", default="all", show_default=True, metavar="K|K-L|all|full", help="Which fold is held out.")
@click.option("--epochs", type=click.IntRange(1), help="Epochs; the schedule follows.")
@click.option("--from", "start", metavar="MEMBER[@HASH]", help="Start from its runs of the same folds.")
@click.option("--seeds", type=click.IntRange(1), default=1, help="So many runs of each fold, from --seed on.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change any key of the recipe.")
@click.option("--with-val", is_flag=True, help="Train on validation records outside the fold too.")
@click.option("--tta", type=TTA, default="none", show_default=True, help=VIEWS)
@common
def train(settings: Settings, tta: str, **which: Any) -> None:
    """Train MEMBERS on folds; what is complete is reused, what was cut off goes on.

    Ends with the held-out predictions of each fold in the cache.
    """
    from zoo.runs.run import stopped_at
    from zoo.training import look_at

    scenes, folds, runs = _plan(settings, tta=tta, **which)
    rows: list[dict[str, Any]] = []
    trained_any = False
    for planned in runs:
        run = planned.run
        if trained_any and run.recipe.start_from:  # the run that it starts from may have been trained again just now
            planned = look_at(run)
        if planned.again:
            say(settings, f"{run.label}: {planned.again}; it is trained again")
        ended = planned.reused
        if ended is None:
            ended, trained_any = _train_run(settings, run, scenes, folds), True
        if ended.stopped:
            words = f"stopped at {stopped_at(ended)}{', reused' if planned.reused else ''}"
            say(settings, f"{run.label}: {words}; remove {run.stop} to train it on")
        elif planned.reused:
            say(settings, f"{run.label}: is trained already, reused")
        if run.fold != "full":
            _predict_held(settings, ended, scenes, folds, tta)
        rows.append(_result(ended))
        if rows[-1]["dice"] == 0:
            say(settings, f"warning: {run.label}: {_found_nothing(run.recipe)}")
    show(settings, rows, lambda console: _print_runs(console, rows))
    next_step(settings, _next(runs[0].run, bool(scenes.test)))


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
    tta: str,
) -> tuple[Scenes, Folds, list[Planned]]:
    """Everything that can be refused is refused here, before anything starts."""
    # before torch loads: a typo is answered at once
    recipes = _recipes(settings, members, files, sets, epochs, start)

    from zoo.data import find_folds, keep_folds
    from zoo.runs.run import fold_names, plan_run
    from zoo.training import check_run, check_views, pin_warm_start, set_threads

    scenes = settings.scenes()
    folds = find_folds(settings.runs.folds, scenes, settings.seed, settings.jobs, settings.listener)
    names, listener = fold_names(fold, folds), settings.listener
    pinned = [pin_warm_start(recipe, settings.runs, names, folds, listener, settings.members) for recipe in recipes]
    asked = [
        plan_run(recipe, name, folds, settings.runs, seed=seed, with_val=with_val)
        for recipe in pinned
        for seed in range(settings.seed, settings.seed + seeds)
        for name in names
    ]
    runs = {run.folder: run for run in asked}.values()  # a member that is named twice is trained once
    planned = [check_run(run, scenes, folds, settings.device) for run in runs]
    for run in runs:
        check_views(run.recipe.final, tta)
    keep_folds(settings.runs.folds, folds, settings.listener)
    set_threads(settings.jobs)
    return scenes, folds, planned


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


def _found_nothing(recipe: Recipe) -> str:
    """What a Dice of 0 means, and what of the recipe may be at fault."""
    from zoo.schedules import lower_rate

    weights = ", pretrained weights (now none)" if recipe.weights == "none" else ""
    return (
        "Dice 0: it finds no contrail of its fold at any threshold; what may help: a lower rate "
        f"({lower_rate(recipe.final)}), more epochs (now {recipe.total_epochs}){weights}"
    )


def _next(run: Run, has_test: bool) -> str:
    """Next command: a run without a fold of its own is in no ensemble, it predicts by hand or leaves in a file."""
    if run.fold != "full":
        return "cli ensemble fit"
    if has_test:
        return f"cli zoo predict {run.ref} --fold full --split test"
    return export_command(run)


def _train_run(settings: Settings, run: Run, scenes: Scenes, folds: Folds) -> EndedRun:
    from zoo.targets import without_labelers
    from zoo.training import run_datasets, total_steps, train

    seen, held = run_datasets(run, scenes, folds, settings.jobs, settings.listener)
    start = f", starts from {run.recipe.start_from}" if run.recipe.start_from else ""
    say(settings, f"{run.label}: trains on {len(seen)} records, holds out {len(held)}{start}; {run.folder}")
    if lacking := without_labelers(scenes, seen.records, run.recipe.target):
        say(settings, f"{run.label}: {lacking} of {len(seen)} records keep no labelers; they teach their mask")
    steps = total_steps(run.recipe, len(seen))
    detail(settings, f"{run.label}: {steps} steps on {settings.jobs} threads, device {settings.device}")
    train(run, seen, held, settings.device, settings.listener, lambda epoch: _say_epoch(settings, run, epoch))
    ended = run.ended()
    assert ended is not None
    return ended


def _result(ended: EndedRun) -> dict[str, Any]:
    """Result of a run, each stage's score beside the log's; older runs have no stages written down."""
    from zoo.runs.run import stopped_at

    run = ended.run
    found = {"stages": [], "averaged": [], **ended.result, "logged_stages": list(run.recipe.log.stages)}
    stopped = {"stopped": ended.stopped, "stopped_at": stopped_at(ended) if ended.stopped else None}
    return {"member": run.member, "fold": run.fold, "folder": str(run.folder), **found, **stopped}


def _predict_held(settings: Settings, ended: EndedRun, scenes: Scenes, folds: Folds, tta: str) -> PredictionSet:
    from zoo.runs.run import run_records

    _, held = run_records(ended.run, scenes, folds)
    return predict_run(settings, ended, scenes, held, "oof", tta)


def predict_run(
    settings: Settings, ended: EndedRun, scenes: Scenes, records: Sequence[Record], split: str, tta: str
) -> PredictionSet:
    """Predict these records with a trained run, in the cache."""
    from zoo.inference import predict_set

    listener = settings.listener
    with listener.task(f"{ended.run.label} {split}", len(records)):
        return predict_set(ended, scenes, records, split=split, tta=tta, device_name=settings.device, listener=listener)


def _say_epoch(settings: Settings, run: Run, epoch: Epoch) -> None:
    dice = "" if epoch.threshold is None else f"  Dice {epoch.dice:.4f} at {threshold_text(epoch.threshold)}"
    of = f"{epoch.epoch}/{run.recipe.staged[epoch.stage - 1].epochs}"
    stage = f" stage {epoch.stage}" if epoch.stage else ""
    say(settings, f"{run.label}{stage}: epoch {of}  loss {epoch.loss:.4f}{dice}  {epoch.seconds:.0f} s")


def _print_runs(console: Console, rows: list[dict[str, Any]]) -> None:
    console.print(as_table(_columns(rows), console.width))
    if any(row["stages"] for row in rows):
        console.print(as_table(_stage_columns(rows), console.width))
    if all(row["dice"] is None for row in rows):
        console.print("No score: without a fold held out nothing tells how good it is, and no ensemble takes it.")
    else:
        console.print("Dice: global, on the held-out records of the fold, epoch and threshold chosen on them.")


def _columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    column = partial(column_of, rows)
    return [
        column("member", 0, lambda row: row["member"], numbers=False),
        column("fold", 0, lambda row: _fold(row), numbers=False),
        column("best epoch", 3, _best_epoch, numbers=False),
        column("stopped at", 2, lambda row: row["stopped_at"] or EMPTY, numbers=False),
        column("Dice", 1, lambda row: _text(row["dice"], "{:.4f}".format)),
        column("threshold", 5, lambda row: _text(row["threshold"], threshold_text)),
        column("records", 4, lambda row: str(row["held_out"] or EMPTY)),
        column("minutes", 6, lambda row: f"{sum(stage['seconds'] for stage in row['stages'] or [row]) / 60:.1f}"),
    ]


def _stage_columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    stages = [
        {"row": row, "number": number, "stage": stage, "logged": logged}
        for row in rows
        for number, (stage, logged) in enumerate(zip_longest(row["stages"], row["logged_stages"]), start=1)
        if stage
    ]
    column = partial(column_of, stages)
    return [
        column("member", 0, lambda one: one["row"]["member"], numbers=False),
        column("fold", 0, lambda one: _fold(one["row"]), numbers=False),
        column("stage", 0, lambda one: str(one["number"])),
        column("best epoch", 3, lambda one: _best_epoch(one["stage"]), numbers=False),
        column("Dice", 1, lambda one: _text(one["stage"]["dice"], "{:.4f}".format)),
        column("logged", 2, lambda one: _text(one["logged"], "{:.4f}".format)),
    ]


def _fold(row: dict[str, Any]) -> str:
    return RunName(row["fold"], row["seed"]).words


def _text(value: float | None, form: Callable[[float], str]) -> str:
    return EMPTY if value is None else form(value)


def _best_epoch(result: dict[str, Any]) -> str:
    """Of a run or a stage: whose weights were kept, the mean of several or the best one's, of how many."""
    return f"{'+'.join(map(str, result.get('averaged', ()))) or result['best_epoch']}/{result['epochs']}"
