"""`cli ensemble`: fit an ensemble, show one, compare two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import TTA, Settings, common
from cli.output import next_step, progress, say, say_note, show
from cli.tables.ensemble import print_fit, print_members
from core.errors import UnknownName, UsageError, UserError
from ensemble.min_pixels import MIN_PIXELS
from ensemble.weights import METHODS
from zoo.runs import Ref

if TYPE_CHECKING:
    from rich.console import Console

    from ensemble.fitting import Fit
    from ensemble.job import Fitted, Job
    from ensemble.strategy import Budget
    from zoo.predictions import MemberMaps

DEFAULT_NAME = "default"
METHOD_WORDS = f"auto (weights earn their place), {', '.join(METHODS.names())}, ratios."
RECORDS = ("oof", "train", "validation")


@click.command()
@click.option("--members", multiple=True, help="a,b,c; may be repeated; M@hash is one recipe. [all predicted]")
@click.option(
    "--method",
    default="auto",
    show_default=True,
    help=METHOD_WORDS,
)
@click.option("--ratios", default="", help='Of groups of members, for --method ratios: "a+b=2,c*=1".')
@click.option("--min-pixels", default="auto", show_default=True, help=f"auto, none, {', '.join(MIN_PIXELS.names())}.")
@click.option("--prune", is_flag=True, help="Leave out members that equal weights can spare.")
@click.option(
    "--budget-hours",
    type=click.FloatRange(0, min_open=True),
    help="Keep the members that raise the Dice within these hours.",
)
@click.option("--budget-records", type=click.IntRange(1), help="For so many records. [the test records]")
@click.option("--cost", multiple=True, help="M=SECONDS a record, of members whose time was not measured: a=1,b=2.")
@click.option("--max-ram", type=click.FloatRange(0, min_open=True), help="GB; low pixels are left out first.")
@click.option("--on", default="oof", show_default=True, help="Records to fit on: oof, train or validation.")
@click.option("--tta", type=TTA, help="Predictions made with this TTA. [the plainest there is]")
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="The ensemble's name.")
@common
def fit(settings: Settings, name: str, **asked: Any) -> None:
    """Fit weights, threshold and min-pixels on out-of-fold predictions.

    Reports the Dice in-sample and cross-fitted and writes runs/ensembles/NAME/ensemble.json and report.png.
    """
    from ensemble.job import frozen_fit
    from zoo.predictions import other_recipes

    job = _job(settings, name, **asked)
    done = frozen_fit(job, _fit(settings, job))
    path = _write(settings, done)
    for other in other_recipes(settings.runs, job.members):
        say_note(settings, f"{other} was predicted, too, and is not used; --members takes it by that name")
    _say_notes(settings, done.document)
    show(settings, done.document, lambda console: print_fit(console, name, done.document))
    say(settings, f"wrote {path} and report.png beside it")
    named = "" if name == DEFAULT_NAME else f" --ensemble {name}"
    next_step(settings, f"cli submit --out submission.csv{named}")


@click.command()
@click.argument("first")
@click.argument("second")
@common
def compare(settings: Settings, first: str, second: str) -> None:
    """Say whether the ensemble FIRST is better than SECOND: paired, on the records that both were fitted on."""
    from ensemble.comparison import compare_ensembles
    from ensemble.model import read_ensemble

    pair = [read_ensemble(settings.runs.ensemble(name)) for name in (first, second)]
    document = compare_ensembles(pair[0], pair[1], settings.seed, (first, second))

    def render_comparison(console: Console) -> None:
        low, high = document["interval"]
        for name in document["dice"]:
            below, above = document["dice_interval"][name]
            words = f"{name}: {document['kind']} Dice {document['dice'][name]:.4f} [{below:.4f}, {above:.4f}]"
            console.print(words, highlight=False)
        console.print(
            f"difference {document['difference']:+.4f} [{low:+.4f}, {high:+.4f}], z {document['z']:.1f}, paired, "
            f"on {document['records']} records in {document['groups']} scene groups"
        )
        console.print(_verdict(first, second, document))

    show(settings, document, render_comparison)


@click.command("show")
@click.argument("name", default=DEFAULT_NAME)
@common
def show_ensemble(settings: Settings, name: str) -> None:
    """Show the ensemble NAME and where it comes from."""
    from ensemble.model import read_ensemble, to_document

    ensemble = read_ensemble(settings.runs.ensemble(name))
    document = to_document(ensemble)
    del document["record_ids"], document["per_record"]  # thousands; they stand in the file
    document["records"] = len(ensemble.record_ids)

    for line in ensemble.fitted.get("warnings", ()):
        say(settings, f"warning: {line}")

    def render_both(console: Console) -> None:
        print_fit(console, name, ensemble.fitted)
        print_members(console, document["members"])

    show(settings, document, render_both)


def _verdict(first: str, second: str, document: Any) -> str:
    low, high = document["interval"]
    if low <= 0 <= high:
        return "the difference is within chance"
    return f"{first if low > 0 else second} is better"


def _fit(settings: Settings, job: Job) -> Fit:
    """Read and fit; again with lower pixels as long as somebody's threshold lies among them."""
    from ensemble.active import EPS
    from ensemble.fitting import stages
    from ensemble.job import fit_active, next_eps, read_active
    from ensemble.warnings import at_the_floor

    eps = EPS
    while True:
        with progress(settings, "reading predictions", len(job.shared.record_ids)) as advance:
            active = read_active(job, advance, eps)
        with progress(settings, "fitting", stages(job.fold_count)) as advance:
            result = fit_active(job, active, advance)
        lower = next_eps(result, eps)
        if lower is None:
            return result
        eps, names = lower, ", ".join(at_the_floor(result))
        say_note(settings, f"the best threshold of {names} may lie lower; reading pixels from p = {eps / 255:.3f} on")
        del active, result  # before as many pixels again are read


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
    **options: Any,
) -> Job:
    """Everything that a fit needs, checked before anything is read."""
    from ensemble.job import Job
    from ensemble.loading import shared_records, without_partial
    from ensemble.strategy import FitOptions
    from zoo.predictions import find_out_of_fold

    planned = FitOptions(**options)
    if on not in RECORDS:
        raise UsageError(f'--on "{on}": give {", ".join(RECORDS)}')
    if not name or Path(name).name != name or name.startswith("."):
        raise UsageError(f'--name "{name}": give a plain name, it becomes a folder')
    scenes = settings.scenes()
    split = tuple(part.strip() for given in members for part in given.split(",") if part.strip())
    if members and not split:
        raise UsageError("--members: names nobody; give a,b,c, or leave it out for all that were predicted")
    names = [Ref.parse(name) for name in settings.line_up(split, "predicted")] if split else None
    folds, found = find_out_of_fold(settings.runs, names, tta, settings.listener)
    if names is None:
        found, of_fewer_folds = without_partial(found, folds)
        for line in of_fewer_folds:
            say_note(settings, f"{line}; it is left out, --members takes it")
    budget = _budget(found, budget_hours, budget_records, len(scenes.test), cost)
    labelled = {record.id: record for record in scenes.labelled if on in ("oof", record.split)}
    absent = sum(record not in labelled for record in folds.fold_of) if on == "oof" else 0
    if absent:
        say_note(settings, f"{absent} of the {len(folds.fold_of)} records of folds.csv are in no --data that is given")
    return Job(
        name=name,
        options=replace(planned, budget=budget),
        members=found,
        folds=folds,
        shared=shared_records(found, folds, labelled),
        read_mask=lambda record: scenes.mask(labelled[record]),
        split_of={name: record.split for name, record in labelled.items()},
        seed=settings.seed,
        jobs=settings.jobs,
        max_ram=max_ram,
    )


def _budget(
    members: Sequence[MemberMaps], hours: float | None, asked: int | None, tests: int, costs: tuple[str, ...]
) -> Budget | None:
    """What each member costs for so many records; UserError where that is not known."""
    from ensemble.strategy import Budget

    seconds = dict(_cost(part) for given in costs for part in given.split(","))
    for name in seconds:
        if name not in [member.name for member in members]:
            raise UnknownName("member", name, [member.name for member in members], "--cost")
    if hours is None:
        if seconds or asked:
            raise UsageError("--cost and --budget-records are for --budget-hours; give it, too")
        return None
    records = asked or tests
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
    from ensemble.model import write_ensemble
    from ensemble.plot import draw

    path = settings.runs.ensemble(done.ensemble.name)
    write_ensemble(path, done.ensemble)
    with atomic_write(path.with_name("report.png")) as file:
        file.write(draw(done.fit, done.ensemble.name))
    return path


def _say_notes(settings: Settings, document: dict[str, Any]) -> None:
    for line in document["missing"]:
        say_note(settings, f"{line}; fitted on the {document['records']} records that all members share")
    for line in document["warnings"]:
        say(settings, f"warning: {line}")
