"""`cli submissions log`: the ledger as a table, and how local scores go with those of the leaderboard."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, show
from core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from submissions.correlation import Correlation
    from submissions.ledger import Entry, Ledger

TEXTS = ("name", "when", "members", "note")
DICE = click.FloatRange(0, 1)


@click.command("log")
@click.option("--public", type=DICE, help="The public leaderboard's score of the newest entry, or of --entry.")
@click.option("--private", type=DICE, help="The private leaderboard's score.")
@click.option("--entry", help="Number, name or beginning of the file's hash. [the newest]")
@click.option(
    "--import",
    "table",
    type=click.Path(path_type=Path),
    help="A csv of past scores: name, local, public, private, note ...",
)
@common
def log(settings: Settings, public: float | None, private: float | None, entry: str | None, table: Path | None) -> None:
    """Show the submissions with local and leaderboard scores; add scores of the leaderboard."""
    from submissions.correlation import correlate
    from submissions.ledger import BOARDS, add_scores, read_ledger
    from submissions.past_scores import import_scores

    path, listener = settings.runs.ledger, settings.listener
    if table:
        listener.info(f"{len(import_scores(path, table))} new entries from {table}")
    if public is not None or private is not None:
        listener.info(f"scores added to entry {add_scores(path, entry, public, private).title}")
    elif entry:
        raise UsageError("--entry names the entry of a score; give --public or --private with it")
    ledger = read_ledger(path)
    for note in ledger.notes:
        listener.warn(note)
    found = {board: correlate(ledger.entries, board) for board in BOARDS}
    document = ledger.as_dict() | {"correlation": {board: each and asdict(each) for board, each in found.items()}}
    show(settings, document, lambda console: _print(console, ledger, found))
    if not ledger.entries:
        next_step(settings, "cli submit --out submission.csv")


def _print(console: Console, ledger: Ledger, correlations: dict[str, Correlation | None]) -> None:
    if not ledger.entries:
        console.print("the ledger is empty")
        return
    console.print(_table(ledger.entries))
    for board, found in correlations.items():
        if found:
            console.print(_correlation_line(board, found), markup=False, soft_wrap=True)


def _table(entries: tuple[Entry, ...]) -> Any:
    from rich.table import Table

    best = max((each.public for each in entries if each.public is not None), default=0.0)
    columns = {
        "#": [str(each.number) for each in entries],
        "name": [each.sent.name for each in entries],
        "when": [each.sent.when[:16] for each in entries],
        "members": [", ".join(each.sent.members) for each in entries],
        "local": [_figure(each.sent.local) for each in entries],
        "interval": [_interval(each.sent.interval) for each in entries],
        "public": [_figure(each.public) for each in entries],
        "behind best": ["" if each.public is None else f"{each.public - best:.3f}" for each in entries],
        "private": [_figure(each.private) for each in entries],
        "share": ["" if each.sent.share is None else f"{each.sent.share:.3%}" for each in entries],
        "note": [each.sent.note for each in entries],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table()
    for name in shown:
        table.add_column(name, justify="left" if name in TEXTS else "right")
    for row in zip(*shown.values()):
        table.add_row(*row)
    return table


def _interval(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.3f}-{interval[1]:.3f}" if interval else ""


def _figure(score: float | None) -> str:
    return "" if score is None else f"{score:.5f}".rstrip("0")


def _correlation_line(board: str, found: Correlation) -> str:
    interval = f" [{found.interval[0]:.2f}, {found.interval[1]:.2f}]" if found.interval else ""
    return (
        f"local against {board}: correlation {found.pearson:.2f}{interval}, of ranks {found.spearman:.2f}, "
        f"{board} less local {found.offset:+.4f} on average, {found.entries} entries"
    )
