"""`cli zoo leaderboard`."""

from pathlib import Path

import click

from cli.completing import complete_predicted
from cli.options import TTA, Settings, common, reads_runs, wide
from cli.output import next_step, show
from core.command import Command
from core.files import require_new_file


@click.command()
@click.argument("members", nargs=-1, shell_complete=complete_predicted)
@click.option("--shared", is_flag=True, help="All on the records that all of them predicted, with paired differences.")
@click.option("--tta", type=TTA, help="Predictions made with these views. [the most that cover its folds]")
@click.option("--csv", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write the table there too.")
@wide
@common
@reads_runs
def leaderboard(settings: Settings, members: tuple[str, ...], shared: bool, tta: str | None, file: Path | None) -> None:
    """Rank MEMBERS, by default all that were predicted, by out-of-fold global Dice.

    Each threshold is the best of the other folds. Each recipe of a member has a row, M@hash, and can be named so.
    s / record: of one run, the mean over its runs.
    """
    from cli.tables.leaderboard import print_leaderboard
    from core.locks import write_output
    from pipeline.leaderboard import leaderboard as rank

    if file:
        require_new_file(file, force=True)
    listener = settings.listener
    board = rank(
        settings.runs,
        settings.scenes(),
        settings.refs(members) if members else None,
        tta=tta,
        shared=shared,
        own_members=settings.members,
        jobs=settings.jobs,
        listener=listener,
    )
    show(settings, board.as_dict(), lambda console: print_leaderboard(console, board))
    if file:
        write_output(file, board.to_csv())
        listener.info(f"wrote {file}")
    if len({row.records for row in board.rows}) > 1:
        listener.note("the rows are on different records; --shared compares on their common records")
    next_step(settings, Command("ensemble fit"))
