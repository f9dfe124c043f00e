"""`cli zoo train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from cli.folds import find_folds, keep_folds
from cli.options import TTA, Settings, common
from cli.output import detail, next_step, progress, say, say_note, show
from cli.runs import export_command, fold_words, label, stopped_at
from cli.tables.columns import EMPTY, Column, as_table, column_of
from core.errors import UsageError
from core.thresholds import threshold_text

if TYPE_CHECKING:
    from rich.console import Console

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
        again = _why_again(run)
        reused = run.done and not again
        if again:
            say(settings, f"{label(run)}: {again}; it is trained again")
        if not reused:
            _train_run(settings, run, scenes, folds)
        if run.stopped:
            words = f"stopped at {stopped_at(run)}{', reused' if reused else ''}"
            say(settings, f"{label(run)}: {words}; remove {run.stop} to train it on")
        elif reused:
            say(settings, f"{label(run)}: is trained already, reused")
        if run.fold != "full":
            _predict_held(settings, run, scenes, folds, tta)
        rows.append(_result(run))
        if rows[-1]["dice"] == 0:
            say(settings, f"warning: {label(run)}: {_found_nothing(run.recipe)}")
    show(settings, rows, lambda console: _print_runs(console, rows))
    next_step(settings, _next(runs, bool(scenes.test)))


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
    planned = [
        plan_run(recipe, name, folds, settings.runs, seed=seed, with_val=with_val)
        for recipe in (pin_start(recipe, settings.runs, names, folds, note, settings.members) for recipe in recipes)
        for seed in range(settings.seed, settings.seed + seeds)
        for name in names
    ]
    runs = list({run.folder: run for run in planned}.values())  # a member that is named twice is trained once
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


def _why_again(run: Run) -> str | None:
    """Why a run that has come to an end cannot be reused; None where it can, or has not."""
    from zoo.training import start_has_changed

    if run.result.is_file() and (spoilt := run.spoilt):
        return spoilt
    if run.done and start_has_changed(run):
        return f"{run.recipe.start_from}, from which it started, has other weights since"
    return None


def _found_nothing(recipe: Recipe) -> str:
    """What a Dice of 0 means, and what of the recipe may be at fault."""
    from zoo.training import lower_rate

    weights = ", pretrained weights (now none)" if recipe.weights == "none" else ""
    return (
        "Dice 0: it finds no contrail of its fold at any threshold; what may help: a lower rate "
        f"({lower_rate(recipe.final)}), more epochs (now {recipe.total_epochs}){weights}"
    )


def _next(runs: Sequence[Run], has_test: bool) -> str:
    """Without a fold of its own a run is in no ensemble: it predicts by hand, or leaves in a file."""
    run = runs[0]
    if run.fold != "full":
        return "cli ensemble fit"
    if has_test:
        return f"cli zoo predict {run.recipe.name}@{run.hash} --fold full --split test"
    return export_command(run)


def _train_run(settings: Settings, run: Run, scenes: Scenes, folds: Folds) -> None:
    from zoo.inputs import INPUTS
    from zoo.targets import without_labelers
    from zoo.training import run_examples, run_records, run_scaling, steps_of, train

    if INPUTS.facts(run.recipe.input).scaled and not run.scaling.is_file():
        records, _ = run_records(run, scenes, folds)
        with progress(settings, f"{label(run)} statistics", len(records)) as advance:
            run_scaling(run, scenes, records, settings.jobs, advance)
    seen, held = run_examples(run, scenes, folds)
    steps = sum(recipe.epochs * steps_of(recipe, len(seen)) for recipe in run.recipe.staged)
    start = f", starts from {run.recipe.start_from}" if run.recipe.start_from else ""
    say(settings, f"{label(run)}: trains on {len(seen)} records, holds out {len(held)}{start}; {run.folder}")
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
        column("fold", 0, lambda row: fold_words(row["fold"], row["seed"]), numbers=False),
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
        column("fold", 0, lambda one: fold_words(one["row"]["fold"], one["row"]["seed"]), numbers=False),
        column("stage", 0, lambda one: str(one["number"])),
        column("best epoch", 3, lambda one: _best_epoch(one["stage"]), numbers=False),
        column("Dice", 1, lambda one: _text(one["stage"]["dice"], "{:.4f}".format)),
        column("logged", 2, lambda one: _text(one["logged"], "{:.4f}".format)),
    ]


def _text(value: float | None, form: Callable[[float], str]) -> str:
    return EMPTY if value is None else form(value)


def _best_epoch(result: dict[str, Any]) -> str:
    """Of a run or a stage: whose weights were kept, the mean of several or the best one's, of how many."""
    return f"{'+'.join(map(str, result.get('averaged', ()))) or result['best_epoch']}/{result['epochs']}"
