"""`cli ensemble`: fit an ensemble, show one, compare two."""

from typing import Any

import click

from cli.completing import complete_among, complete_ensembles, complete_listed
from cli.options import TTA, Renamed, Settings, common, memory_limit, reads_runs, tables
from cli.output import next_step, show, submit_step
from core.errors import UsageError
from core.thresholds import threshold_text
from ensemble.min_pixels import MIN_PIXELS
from ensemble.weights import METHODS
from zoo.runs import Ref
from zoo.runs.store import DEFAULT_ENSEMBLE, ensemble_option

METHOD_WORDS = f"auto (the best cross-fitted candidate), {', '.join(METHODS.names())}, ratios."


@click.command()
@click.option(
    "--members",
    multiple=True,
    shell_complete=complete_listed,
    help="Members a,b,c; may be repeated; M@hash is one recipe. [all predicted]",
)
@click.option(
    "--method",
    default="auto",
    show_default=True,
    shell_complete=complete_among("auto", *METHODS.names(), "ratios"),
    help=METHOD_WORDS,
)
@click.option("--ratios", default="", help='Weights of groups of members, for --method ratios: "a+b=2,c*=1".')
@click.option("--min-pixels", default="auto", show_default=True, help=f"auto, none, {', '.join(MIN_PIXELS.names())}.")
@click.option("--prune", is_flag=True, help="Remove members that do not help equal weights.")
@click.option(
    "--budget-hours",
    type=click.FloatRange(0, min_open=True),
    help="Select members that improve the Dice within these hours.",
)
@click.option(
    "--budget-records", type=click.IntRange(1), help="Number of records for --budget-hours. [the test records]"
)
@click.option("--cost", multiple=True, help="M=SECONDS per record, for members without one: a=1,b=2.")
@memory_limit("Memory limit; low pixels are dropped first.")
@click.option(
    "--on",
    type=click.Choice(["oof", "train", "validation"]),
    default="oof",
    show_default=True,
    help="Records to fit on; oof is all of them.",
)
@click.option("--tta", type=TTA, help="Predictions made with these views. [the most that cover a member's folds]")
@click.option(
    "--ensemble",
    "--name",
    "name",
    cls=Renamed,
    default=DEFAULT_ENSEMBLE,
    show_default=True,
    help="Name of the ensemble.",
)
@tables
@common
@reads_runs
def fit(
    settings: Settings,
    members: tuple[str, ...],
    method: str,
    ratios: str,
    min_pixels: str,
    prune: bool,
    cost: tuple[str, ...],
    **given: Any,
) -> None:
    """Fit weights, threshold and min-pixels on out-of-fold predictions.

    Reports the Dice in-sample and cross-fitted and writes runs/ensembles/NAME/ensemble.json and report.png.
    """
    from cli.tables.ensemble import print_fit
    from ensemble import FitJob, FitOptions, fit_runs
    from ensemble.job import parse_costs

    job = FitJob(
        options=FitOptions(method, min_pixels, ratios, prune),
        members=_refs(settings, members),
        costs=parse_costs(cost),
        jobs=settings.jobs,
        **given,
    )
    done = fit_runs(settings.runs, settings.scenes(), job, settings.listener)
    path = done.save(settings.runs)
    document = done.ensemble.fitted
    show(settings, document, lambda console: print_fit(console, job.name, document))
    settings.listener.info(f"wrote {path} and report.png beside it")
    better = done.ensemble.report.better
    next_step(settings, better or submit_step(ensemble_option(job.name)))


@click.command()
@click.argument("first", shell_complete=complete_ensembles)
@click.argument("second", shell_complete=complete_ensembles)
@common
@reads_runs
def compare(settings: Settings, first: str, second: str) -> None:
    """Say whether the ensemble FIRST is better than SECOND: paired, on the records that both were fitted on."""
    from cli.tables.ensemble import print_comparison
    from ensemble import Ensemble, compare_ensembles

    if first == second:
        raise UsageError(f"{first}: is named twice; name two different ensembles")
    pair = [Ensemble.load(settings.runs.ensemble(name)) for name in (first, second)]
    document = compare_ensembles(pair[0], pair[1], (first, second))
    show(settings, document, lambda console: print_comparison(console, document))


@click.command("show")
@click.argument("name", default=DEFAULT_ENSEMBLE, shell_complete=complete_ensembles)
@tables
@common
@reads_runs
def show_ensemble(settings: Settings, name: str) -> None:
    """Show the ensemble NAME and its provenance."""
    from cli.tables.ensemble import print_fit, print_folds, print_members
    from ensemble import Ensemble
    from ensemble.model import EDITED, to_document
    from pipeline.maps import changed_since_fit

    ensemble = Ensemble.load(settings.runs.ensemble(name))
    if ensemble.edited:
        settings.listener.warn(f"ensemble {name} {EDITED}; it cuts at {threshold_text(ensemble.threshold)}")
    document = to_document(ensemble)
    del document["record_ids"], document["per_record"]  # thousands of rows, which the file holds
    document["records"] = len(ensemble.record_ids)
    for line, do in ensemble.report.advised_warnings:
        settings.listener.warn(line, do)
    for change in changed_since_fit(settings.runs, ensemble):
        settings.listener.warn(change.what, change.do)

    def print_both(console: Any) -> None:
        print_fit(console, name, ensemble.shown)
        print_folds(console, ensemble.shown)
        print_members(console, document["members"])

    show(settings, document, print_both)


def _refs(settings: Settings, texts: tuple[str, ...]) -> list[Ref] | None:
    """Members named by options such as "a,b" with line-ups resolved; None without the option."""
    names = tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
    if texts and not names:
        raise UsageError("--members: names no member; give a,b,c, or leave it out for all predicted members")
    return [Ref.parse(name) for name in settings.line_up(names, "predicted")] if names else None
