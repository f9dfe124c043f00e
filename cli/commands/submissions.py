"""`cli submissions check`, `score` and `log`: any submission file, also one written by others, and the ledger."""

from dataclasses import asdict
from pathlib import Path

import click

from cli.options import Settings, common, tables
from cli.output import next_step, show, submit_step
from core.errors import UsageError

LABELLED = click.Choice(["train", "validation", "labelled", "oof"])
SPLITS = click.Choice(["test", *LABELLED.choices])
FILE = click.Path(path_type=Path)
DICE = click.FloatRange(0, 1)


@click.command("check")
@click.argument("file", type=FILE)
@click.option(
    "--split",
    type=SPLITS,
    help="Split whose ids are expected; oof: labelled ones, not all of them. [test if there is one, else labelled]",
)
@common
def check(settings: Settings, file: Path, split: str | None) -> None:
    """Check if FILE would be accepted, and list its errors.

    With --data the ids must be those of its test records (or of --split), in the order of
    sample_submission.csv if that lists them all; without it only the form is checked.
    """
    from cli.tables.submissions import print_report
    from pipeline.score import check as check_file

    report = check_file(file, settings.scenes() if settings.data else None, split, settings.listener)
    show(settings, report.as_dict(), lambda console: print_report(console, report))
    report.raise_if_faulty()


@click.command("score")
@click.argument("file", type=FILE)
@click.option(
    "--split",
    type=LABELLED,
    help="Require all labelled records of this split, and score only these; oof: those that the file lists.",
)
@click.option("--against", type=FILE, help="Show the paired difference to this file.")
@click.option("--worst", type=click.IntRange(0), default=5, help="Number of worst records to list. [5]")
@tables
@common
def score(settings: Settings, file: Path, split: str | None, against: Path | None, worst: int) -> None:
    """Global Dice of FILE over the labelled records that it lists."""
    from cli.tables.submissions import print_score
    from pipeline.score import score as score_file
    from zoo.data import read_folds

    folds = settings.runs.folds
    groups = read_folds(folds).group_of if folds.is_file() else None
    scored = score_file(
        file,
        settings.scenes(),
        split=split,
        against=against,
        groups=groups,
        listener=settings.listener,
    )
    show(settings, scored.as_dict(worst), lambda console: print_score(console, scored, worst))


@click.command("log")
@click.option("--public", type=DICE, help="Public leaderboard score of the newest entry, or of --entry.")
@click.option("--private", type=DICE, help="Private leaderboard score.")
@click.option("--entry", help="Number, name or beginning of the file's hash. [the newest]")
@click.option("--import", "table", type=FILE, help="csv of past scores: name, local, public, private, note ...")
@tables
@common
def log(settings: Settings, public: float | None, private: float | None, entry: str | None, table: Path | None) -> None:
    """Show submissions with local and leaderboard scores, or add leaderboard scores."""
    from cli.tables.submissions import print_ledger
    from submissions.correlation import correlate
    from submissions.ledger import BOARDS, add_scores, read_ledger
    from submissions.past_scores import import_scores

    path, listener = settings.runs.ledger, settings.listener
    if table:
        listener.info(f"{len(import_scores(path, table))} new entries from {table}")
    if public is not None or private is not None:
        listener.info(f"scores added to entry {add_scores(path, entry, public, private, listener).title}")
    elif entry:
        raise UsageError("--entry names the entry of a score; give --public or --private with it")
    ledger = read_ledger(path, listener)
    found = {board: correlate(ledger.entries, board) for board in BOARDS}
    document = ledger.as_dict() | {"correlation": {board: each and asdict(each) for board, each in found.items()}}
    show(settings, document, lambda console: print_ledger(console, ledger, found))
    if not ledger.entries:
        next_step(settings, submit_step())
