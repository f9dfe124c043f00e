"""`cli report`."""

from pathlib import Path

import click

from cli.completing import ENSEMBLE
from cli.listener import completed
from cli.options import Settings, common, reads_runs
from cli.output import show


@click.command("report")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="File to write; an older report is replaced.",
)
@ENSEMBLE
@common
@reads_runs
def report(settings: Settings, out: Path, name: str) -> None:
    """Write one HTML page on all that the runs folder holds.

    What to do next, leaderboard, learning curves, the ensemble and its plateau, error correlation, errors, pictures of
    the worst, median and best records, submissions. The file needs no network. Without data, what needs labels is left
    out.
    """
    from cli.tables.report import print_written
    from pipeline.report import write_report

    written = write_report(
        settings.runs,
        out,
        settings.scenes_or_none(True),
        name=name,
        own_members=settings.members,
        jobs=settings.jobs,
        spell=lambda command: str(completed(command, settings.typed)),
        listener=settings.listener,
    )
    document = written.as_dict()
    show(settings, document, lambda console: print_written(console, document))
