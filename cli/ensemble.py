"""`cli ensemble`: fit an ensemble, show one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.ensemble_tables import render, render_members
from cli.options import Settings, common
from cli.output import next_step, progress, say, show
from core.errors import UnknownName, UsageError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from ensemble.from_runs import Fitted, Job
    from ensemble.policy import Budget
    from zoo.predictions import MemberMaps

DEFAULT_NAME = "default"
METHODS = "uniform, logit-mean, best, greedy, search, logloss, stack, boost"
MIN_PIXELS = "none, image, component, image-peak, component-peak"
RECORDS = ("oof", "train", "validation")


@click.command()
@click.option("--members", multiple=True, help="a,b,c; may be repeated; M@hash is one recipe. [all predicted]")
@click.option(
    "--method", default="auto", show_default=True, help=f"auto (weights earn their place), {METHODS}, ratios."
)
@click.option("--ratios", default="", help='Of groups of members, for --method ratios: "a+b=2,c*=1".')
@click.option("--min-pixels", default="auto", show_default=True, help=f"auto, {MIN_PIXELS}.")
@click.option("--threshold", default="best", show_default=True, help="best, or percentile: a share of the pixels.")
@click.option("--prune", is_flag=True, help="Leave out members that are not worth a standard error.")
@click.option("--budget-hours", type=click.FloatRange(0, min_open=True), help="Leave out what takes longer to predict.")
@click.option("--budget-records", type=click.IntRange(1), help="For so many records. [the test records]")
@click.option("--cost", multiple=True, help="M=SECONDS a record, for a member whose time was not measured.")
@click.option("--max-ram", type=click.FloatRange(0, min_open=True), help="GB; low pixels are left out first.")
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
    from zoo.predictions import other_recipes

    job = _job(settings, name, **asked)
    with progress(settings, "reading predictions", len(job.shared.record_ids)) as advance:
        active = read_active(job, advance)
    with progress(settings, "fitting", stages(job.fold_count)) as advance:
        done = fit_active(job, active, advance)
    path = _write(settings, done)
    for other in other_recipes(settings.runs, job.members):
        say(settings, f"note: {other} was predicted, too, and is not used; --members takes it by that name")
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
    on: str,
    tta: str | None,
    budget_hours: float | None,
    budget_records: int | None,
    cost: tuple[str, ...],
    max_ram: float | None,
    **plan: Any,
) -> Job:
    """Everything that a fit needs, checked before anything is read."""
    from ensemble.fit import Plan
    from ensemble.from_runs import Job
    from ensemble.gather import shared_records
    from zoo.data import read_folds
    from zoo.predictions import find_members

    planned = Plan(**plan)
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
    budget = _budget(found, budget_hours, budget_records or len(scenes.test), cost)
    labelled = {record.id: record for record in scenes.labelled if on in ("oof", record.split)}
    return Job(
        name=name,
        plan=replace(planned, budget=budget),
        members=found,
        folds=folds,
        shared=shared_records(found, folds, labelled),
        read_mask=lambda record: scenes.mask(labelled[record]),
        split_of={name: record.split for name, record in labelled.items()},
        seed=settings.seed,
        jobs=settings.jobs,
        max_ram=max_ram,
    )


def _budget(members: Sequence[MemberMaps], hours: float | None, records: int, costs: tuple[str, ...]) -> Budget | None:
    """What each member costs for so many records; UserError where that is not known."""
    from ensemble.policy import Budget

    seconds = dict(map(_cost, costs))
    for name in seconds:
        if name not in [member.name for member in members]:
            raise UnknownName("member", name, [member.name for member in members], "--cost")
    if hours is None:
        if seconds:
            raise UsageError("--cost is for --budget-hours; give both")
        return None
    if not records:
        raise UsageError("--budget-hours: the data hold no test records; give --budget-records N")
    known = [seconds.get(member.name, member.seconds_per_record) for member in members]
    for member, value in zip(members, known):
        if value is None:
            raise UserError(f"{member.name}: its seconds a record were not measured; give --cost {member.name}=SECONDS")
    return Budget(hours * 3600, tuple((value or 0.0) * records for value in known), records)


def _cost(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    try:
        value = float(seconds)
    except ValueError:
        value = -1.0
    if not name or not 0 <= value < float("inf"):
        raise UsageError(f'--cost "{text}": give MEMBER=SECONDS')
    return name, value


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
