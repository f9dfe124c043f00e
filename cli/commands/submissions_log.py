"""`cli submissions log`: the ledger as a table, and what its leaderboard scores can tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, say, show

if TYPE_CHECKING:
    from rich.console import Console

    from submissions.board import Correlation, Spread
    from submissions.ledger import Entry

FILE = click.Path(path_type=Path)
TEXTS = ("name", "when", "members", "note")
DICE = click.FloatRange(0, 1)


@click.command("log")
@click.option("--public", type=DICE, help="The public leaderboard's score of the newest entry, or of --entry.")
@click.option("--private", type=DICE, help="The private leaderboard's score.")
@click.option("--entry", help="Number, name or beginning of the file's hash. [the newest]")
@click.option("--import", "table", type=FILE, help="A csv of past scores: name, local, public, private, note ...")
@click.option("--compare", nargs=2, help="Two entries: whether their leaderboard scores really differ.")
@click.option("--spread", type=FILE, multiple=True, help="A labelled file whose records stand for the board's.")
@click.option("--board", type=click.IntRange(1), help="Records of the public leaderboard. [279]")
@common
def log(
    settings: Settings,
    public: float | None,
    private: float | None,
    entry: str | None,
    table: Path | None,
    compare: tuple[str, str] | None,
    spread: tuple[Path, ...],
    board: int | None,
) -> None:
    """What was submitted, with local and leaderboard scores; add what the leaderboard said.

    The spread of the public board is bootstrapped from a labelled file (--spread FILE with --data; twice for
    the paired difference of two), else scaled from the newest entry's local interval.
    """
    from submissions.board import PUBLIC_RECORDS
    from submissions.ledger import ledger_path, read_ledger

    path = ledger_path(settings.runs)
    _write(settings, path, table, public, private, entry)
    ledger = read_ledger(path)
    for note in ledger.notes:
        say(settings, f"warning: {note}")
    found = _spread(settings, ledger.entries, spread, board or PUBLIC_RECORDS)
    pair = tuple(ledger.find(name) for name in compare) if compare else ()
    document = _document(ledger.entries, found, pair)
    show(settings, document, lambda console: _print(console, ledger.entries, found, pair))
    if not ledger.entries:
        next_step(settings, "cli submit --out submission.csv")


def _write(
    settings: Settings,
    path: Path,
    table: Path | None,
    public: float | None,
    private: float | None,
    entry: str | None,
) -> None:
    """What the call adds to the ledger, if anything."""
    from core.errors import UsageError
    from submissions.ledger import add_scores
    from submissions.past import import_past

    if table:
        new = import_past(path, table)
        say(settings, f"{len(new)} new entries from {table}")
    if public is not None or private is not None:
        marked = add_scores(path, entry, public, private)
        say(settings, f"scores written beside entry {marked.title}")
    elif entry:
        raise UsageError("--entry names whose score it is; give --public or --private with it")


def _spread(settings: Settings, entries: tuple[Entry, ...], files: tuple[Path, ...], board: int) -> Spread | None:
    from core.errors import UsageError
    from submissions.board import spread_by_bootstrap, spread_from_ledger

    if not files:
        return spread_from_ledger(entries, board)
    if len(files) > 2:
        raise UsageError("--spread takes one file, or two for the paired difference")
    counts = _shared_counts(settings, files)
    return spread_by_bootstrap(counts[0], counts[1] if files[1:] else None, board, settings.seed)


def _shared_counts(settings: Settings, files: tuple[Path, ...]) -> list[Any]:
    """Counts per record of each file, on the records that all of them list."""
    from cli.commands.submissions import score_file
    from core.errors import UserError

    scores = [score_file(settings, file) for file in files]
    shared = set.intersection(*(set(score.ids) for score in scores))
    if not shared:
        raise UserError(f"{files[0]} and {files[-1]} share no record; name files of the same records")
    return [score.per_record[[each in shared for each in score.ids]] for score in scores]


def _document(entries: tuple[Entry, ...], spread: Spread | None, pair: tuple[Entry, ...]) -> dict[str, Any]:
    from dataclasses import asdict

    from submissions.board import correlate

    rows = [
        {"number": each.number, **asdict(each.sent), "public": each.public, "private": each.private} for each in entries
    ]
    found = {board: correlate(entries, board) for board in ("public", "private")}
    return {
        "entries": rows,
        "correlation": {board: asdict(each) if each else None for board, each in found.items()},
        "spread": asdict(spread) if spread else None,
        "compare": _compare(pair, spread) if pair else None,
    }


def _compare(pair: tuple[Entry, ...], spread: Spread | None) -> dict[str, Any]:
    """The two entries' scores on the public board, and whether they really differ."""
    from core.errors import UserError

    first, second = pair
    for each in pair:
        if each.public is None:
            raise UserError(f"entry {each.title} has no public score; add it: --entry {each.number} --public")
    if spread is None:
        raise UserError("nothing tells how far the board spreads; name a labelled file: --spread FILE --data DIR")
    assert first.public is not None and second.public is not None
    return {
        "entries": [first.number, second.number],
        "difference": first.public - second.public,
        "spread": spread.difference,
        "differ": spread.tells_apart(first.public, second.public),
    }


def _print(console: Console, entries: tuple[Entry, ...], spread: Spread | None, pair: tuple[Entry, ...]) -> None:
    from submissions.board import correlate

    if not entries:
        console.print("the ledger is empty")
        return
    console.print(_table(entries, spread))
    for board in ("public", "private"):
        found = correlate(entries, board)
        if found:
            console.print(_correlation_line(board, found), markup=False, soft_wrap=True)
    if spread:
        console.print(_spread_line(spread), markup=False, soft_wrap=True)
    else:
        text = "how far chance moves the board is not known; name a labelled file: --spread FILE --data DIR"
        console.print(text, markup=False, soft_wrap=True)
    if pair:
        console.print(_verdict(pair, _compare(pair, spread)), markup=False, soft_wrap=True)


def _table(entries: tuple[Entry, ...], spread: Spread | None) -> Any:
    from rich.table import Table

    best = max((each.public for each in entries if each.public is not None), default=None)
    columns = {
        "#": [str(each.number) for each in entries],
        "name": [each.sent.name for each in entries],
        "when": [each.sent.when[:16] for each in entries],
        "members": [", ".join(each.sent.members) for each in entries],
        "local": [_figure(each.sent.local) for each in entries],
        "interval": [_interval(each.sent.interval) for each in entries],
        "public": [_figure(each.public) for each in entries],
        "behind best": [_behind(each.public, best, spread) for each in entries],
        "private": [_figure(each.private) for each in entries],
        "share": ["" if each.sent.share is None else f"{each.sent.share:.3%}" for each in entries],
        "note": [each.sent.note for each in entries],
    }
    # What no entry has takes no room.
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


def _behind(score: float | None, best: float | None, spread: Spread | None) -> str:
    """How far behind the best public score, with a tilde where chance alone can do it."""
    if score is None or best is None:
        return ""
    mark = " ~" if spread and score != best and not spread.tells_apart(score, best) else ""
    return f"{score - best:.3f}{mark}"


def _correlation_line(board: str, found: Correlation) -> str:
    interval = f" [{found.interval[0]:.2f}, {found.interval[1]:.2f}]" if found.interval else ""
    return (
        f"local against {board}: correlation {found.pearson:.2f}{interval}, of ranks {found.spearman:.2f}, "
        f"{board} less local {found.offset:+.4f} on average, {found.entries} entries"
    )


def _spread_line(spread: Spread) -> str:
    how = "measured on the same records" if spread.paired else "taking the two as independent, which is cautious"
    apart = 1.96 * spread.difference
    return (
        f"a board of {spread.records} records moves a score by {spread.score:.4f} by chance (one standard "
        f"deviation); two scores on it really differ from {apart:.4f} on ({how}); ~: may not differ"
    )


def _verdict(pair: tuple[Entry, ...], found: dict[str, Any]) -> str:
    first, second = pair
    verdict = "they really differ" if found["differ"] else "that is within chance"
    ratio = abs(found["difference"]) / found["spread"] if found["spread"] else float("inf")
    return (
        f"{first.title} less {second.title}: {found['difference']:+.4f} on the public board, "
        f"{ratio:.1f} standard deviations: {verdict}"
    )
