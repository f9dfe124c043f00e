"""`cli zoo errors`."""

from pathlib import Path

import click

from cli.completing import complete_either
from cli.options import TTA, Settings, common, reads_runs, wide
from cli.output import next_step, show
from core.command import Command


@click.command("errors")
@click.argument("name", metavar="MEMBER[@HASH]|ENSEMBLE", shell_complete=complete_either)
@click.option("--worst", type=click.IntRange(0), default=10, show_default=True, help="Number of worst records to list.")
@click.option("--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Draw each of the worst records there.")
@click.option(
    "--csv", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write a row for each record there."
)
@click.option("--tta", type=TTA, help="A member's predictions made with these views. [the most that cover its folds]")
@wide
@common
@reads_runs
def errors(settings: Settings, name: str, worst: int, out: Path | None, file: Path | None, tta: str | None) -> None:
    """Where a member or an ensemble loses its out-of-fold Dice, and how well labelers agree.

    Each record is cut by what was chosen without its fold, as on the leaderboard and in the fit.
    """
    from cli.tables.errors import print_errors
    from core.errors import UsageError
    from core.files import require_new_file
    from core.locks import write_output
    from pipeline.errors import find_errors

    if file:
        require_new_file(file, force=True)
    if out and not worst:
        raise UsageError("--out draws the worst records; give --worst 1 or more")
    listener = settings.listener
    if name not in settings.runs.ensembles():
        name = settings.one_member(name)
    report = find_errors(
        settings.runs, settings.scenes(), name, tta=tta, out=out, worst=worst, own_members=settings.members,
        jobs=settings.jobs, listener=listener,
    )  # fmt: skip
    document = report.as_dict(worst)
    show(settings, document, lambda console: print_errors(console, document))
    if file:
        write_output(file, report.to_csv())
        listener.info(f"wrote {file}")
    if out:
        listener.info(f"wrote {len(document['worst'])} pictures into {out}")
    elif worst:
        next_step(settings, Command("zoo errors", name, out="errors"))
