"""`cli ensemble`: fit an ensemble, show one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, progress, say, show
from core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ensemble.from_runs import Fitted, Job

DEFAULT_NAME = "default"
METHODS = "uniform, logit-mean, best, greedy, search, logloss, stack"
MIN_PIXELS = "none, image, component, image-peak, component-peak"
RECORDS = ("oof", "train", "validation")


@click.command()
@click.option("--members", multiple=True, help="a,b,c; may be repeated; M@hash is one recipe. [all predicted]")
@click.option("--method", default="auto", show_default=True, help=f"auto (weights earn their place), {METHODS}.")
@click.option("--min-pixels", default="auto", show_default=True, help=f"auto, {MIN_PIXELS}.")
@click.option("--on", default="oof", show_default=True, help="Records to fit on: oof, train or validation.")
@click.option("--tta", help="Predictions made with this TTA. [the plainest there is]")
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="The ensemble's name.")
@common
def fit(settings: Settings, name: str, **asked: Any) -> None:
    """Fit weights, threshold and min-pixels on out-of-fold predictions.

    Reports the Dice in-sample and cross-fitted and writes runs/ensembles/NAME/ensemble.json and report.png.
    """
    from ensemble.fit import stages
    from ensemble.from_runs import fit_active, read_active

    job = _job(settings, name, **asked)
    with progress(settings, "reading predictions", len(job.shared.record_ids)) as advance:
        active = read_active(job, advance)
    with progress(settings, "fitting", stages(job.fold_count)) as advance:
        done = fit_active(job, active, advance)
    path = _write(settings, done)
    _say_notes(settings, done.document)
    show(settings, done.document, lambda console: render(console, name, done.document))
    say(settings, f"wrote {path} and report.png beside it")
    next_step(settings, "cli submit --out submission.csv")


@click.command()
@click.argument("first")
@click.argument("second")
@common
def compare(settings: Settings, first: str, second: str) -> None:
    """Say whether the ensemble FIRST is better than SECOND: paired, on the records that both were fitted on."""
    from ensemble.compare import compare as compare_ensembles
    from ensemble.frozen import ensemble_path, read_ensemble

    pair = [read_ensemble(ensemble_path(settings.runs, name)) for name in (first, second)]
    document = compare_ensembles(pair[0], pair[1], settings.seed)

    def render_comparison(console: Console) -> None:
        low, high = document["interval"]
        for name in document["dice"]:
            console.print(f"{name}: {document['kind']} Dice {document['dice'][name]:.4f}", highlight=False)
        console.print(
            f"difference {document['difference']:+.4f} [{low:+.4f}, {high:+.4f}], z {document['z']:.1f}, paired, "
            f"on {document['records']} records in {document['groups']} scene groups"
        )

    show(settings, document, render_comparison)


@click.command("show")
@click.argument("name", default=DEFAULT_NAME)
@common
def show_ensemble(settings: Settings, name: str) -> None:
    """Show the ensemble NAME and where it comes from."""
    from ensemble.frozen import ensemble_path, read_ensemble, to_document

    ensemble = read_ensemble(ensemble_path(settings.runs, name))
    document = to_document(ensemble)
    del document["record_ids"], document["per_record"]  # thousands; they stand in the file
    document["records"] = len(ensemble.record_ids)

    def render_both(console: Console) -> None:
        render(console, name, ensemble.fitted)
        render_members(console, document["members"])

    show(settings, document, render_both)


def _job(
    settings: Settings,
    name: str,
    members: tuple[str, ...],
    method: str,
    min_pixels: str,
    on: str,
    tta: str | None,
) -> Job:
    """Everything that a fit needs, checked before anything is read."""
    from ensemble.fit import Plan
    from ensemble.from_runs import Job
    from ensemble.gather import shared_records
    from zoo.data import read_folds
    from zoo.predictions import find_members

    plan = Plan(method, min_pixels)
    if on not in RECORDS:
        raise UsageError(f'--on "{on}": give {", ".join(RECORDS)}')
    if Path(name).name != name or name.startswith("."):
        raise UsageError(f'--name "{name}": give a plain name, it becomes a folder')
    scenes = settings.scenes()
    split = tuple(part.strip() for given in members for part in given.split(",") if part.strip())
    names = settings.line_up(split) if split else None
    path = settings.runs / "folds.csv"
    if not path.exists():
        find_members(settings.runs, names=names, tta=tta)  # that nothing is predicted yet is said first
    folds = read_folds(path)
    found = find_members(settings.runs, names=names, tta=tta, folds_sha256=folds.sha256)
    labelled = {record.id: record for record in scenes.labelled if on in ("oof", record.split)}
    return Job(
        name=name,
        plan=plan,
        members=found,
        folds=folds,
        shared=shared_records(found, folds, labelled),
        read_mask=lambda record: scenes.mask(labelled[record]),
        split_of={name: record.split for name, record in labelled.items()},
        seed=settings.seed,
        jobs=settings.jobs,
    )


def _write(settings: Settings, done: Fitted) -> Path:
    from core.files import atomic_write
    from ensemble.frozen import ensemble_path, write_ensemble
    from ensemble.report import draw

    path = ensemble_path(settings.runs, done.ensemble.name)
    write_ensemble(path, done.ensemble)
    with atomic_write(path.with_name("report.png")) as file:
        file.write(draw(done.fit, done.ensemble.name))
    return path


def _say_notes(settings: Settings, document: dict[str, Any]) -> None:
    for line in document["missing"]:
        say(settings, f"note: {line}; fitted on the {document['records']} records that all members share")
    for line in document["warnings"]:
        say(settings, f"warning: {line}")


def render(console: Console, name: str, document: Any) -> None:
    """The document of a fit as tables."""
    min_pixels, crossed = document["min_pixels"], document["dice"]["cross_fitted"] is not None
    cut = "no min-pixels"
    if "peak" in min_pixels:
        cut = f"{min_pixels['mode'].removesuffix('-peak')}s whose peak is below {min_pixels['peak']:.3f} dropped"
    elif min_pixels["mode"] != "none":
        cut = f"{min_pixels['mode']}s of fewer than {min_pixels['k']} pixels dropped"
    console.print(
        f"ensemble {name}: method {document['method']}, threshold {document['threshold']:.4f}, {cut}\n"
        f"{document['records']} records in {document['groups']} scene groups, "
        f"{len(document['folds']) or 1} folds; global Dice, 95 % interval over scene groups"
    )
    console.print(_dice_table(document))
    if document["decisions"]:
        console.print(_decision_table(document["decisions"]))
    if document["worth"]:
        console.print(_worth_table(document))
    for rival, gain in document["gain"].items() if len(document["members"]) > 1 else ():
        low, high = gain["interval"]
        kind = "cross-fitted" if crossed else "in-sample"
        console.print(f"against {_RIVALS[rival]}: {gain['value']:+.4f} [{low:+.4f}, {high:+.4f}], {kind}, paired")


_RIVALS = {"uniform": "equal weights without min-pixels", "best": "the best single member without"}


def _dice_table(document: Any) -> Any:
    from rich.table import Table

    dice = document["dice"]
    crossed = dice["cross_fitted"] is not None
    table = Table("", "weight", "threshold", "in-sample", "cross-fitted", "95 % interval", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    inside, outside = f"{dice['in_sample']:.4f}", _number(dice["cross_fitted"])
    table.add_row(
        "ensemble", "", f"{document['threshold']:.3f}", inside, outside, _span(dice["interval"]), style="bold"
    )
    for title, key in (("equal weights", "uniform"), ("best single", "best_single")):
        where = ("", _number(dice[key])) if crossed else (_number(dice[key]), "-")
        table.add_row(title, "", "", *where, _span(dice[f"{key}_interval"]))
    for name, member in document["members"].items():
        table.add_row(
            name,
            f"{document['weights'][name]:.4f}",
            f"{member['threshold']:.3f}",
            f"{member['in_sample']:.4f}",
            _number(member["cross_fitted"]),
            _span(member["interval"]),
        )
    return table


def _decision_table(decisions: Any) -> Any:
    from rich.table import Table

    table = Table("question", "candidate", "gain, cross-fitted", "z", "answer", box=None)
    for decision in decisions:
        table.add_row(
            decision["question"],
            f"{decision['candidate']} over {decision['baseline']}",
            f"{decision['gain']:+.4f} ± {decision['error']:.4f}",
            f"{decision['z']:.1f}",
            decision["answer"],
        )
    return table


def _worth_table(document: Any) -> Any:
    from rich.table import Table

    names = list(document["members"])
    table = Table("without", "Dice changes by", "z", "errs most like", box=None)
    for name, worth in document["worth"].items():
        row = document["error_correlation"][names.index(name)]
        value, other = max((value, other) for value, other in zip(row, names) if other != name)
        change = f"{-worth['gain']:+.4f} ± {worth['error']:.4f}"
        table.add_row(name, change, f"{-worth['z']:.1f}", f"{other} (correlation {value:.2f})")
    return table


def render_members(console: Console, members: Any) -> None:
    """Where an ensemble's members come from."""
    from rich.table import Table

    table = Table("member", "recipe", "TTA", "weight of 65536", "s / record", "predictions", box=None)
    for member in members:
        seconds = member["seconds_per_record"]
        table.add_row(
            member["name"],
            member["recipe"],
            member["tta"],
            str(member["weight"]),
            "-" if seconds is None else f"{seconds:.2f}",
            member["digest"][:12],
        )
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _span(interval: Any) -> str:
    return f"[{interval[0]:.4f}, {interval[1]:.4f}]"
