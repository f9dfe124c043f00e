"""Tables of submissions: a check, a score, the ledger, what was written or packed.

In: values of `submissions` and `pipeline`. Out: text on a console. Stays outside: computing anything.
"""

from collections.abc import Mapping
from typing import Any

from cli.tables.columns import EMPTY, Column, cell, column_of
from cli.tables.page import Page
from core.dice import Counts
from core.uncertainty import FEW_EFFECTIVE, groups_text, interval_text
from core.words import counted
from pipeline import columns as words
from pipeline.score import Scored
from pipeline.submission import TITLES
from submissions import Difference, Ledger, Report
from submissions.correlation import Correlation
from submissions.ledger import Entry
from submissions.report import Fault

SHOWN = 3  # faults of the same words


def print_report(console: Page, report: Report) -> None:
    """Print faults, notes, and the figures of an accepted file; a single fault is left to the error that follows."""
    alike: dict[tuple[str, str], list[Fault]] = {}
    for fault in report.faults:
        alike.setdefault((fault.what, fault.todo), []).append(fault)
    for faults in alike.values() if len(report.faults) > 1 else ():
        console.say(str(faults[0]) if len(faults) == 1 else _together(faults))
    if report.more:
        console.print(f"... and {report.more:,} more faults")
    for note in report.notes:
        console.print(f"note: {note}")
    if report.accepted:
        filled = f"{report.filled:,} with contrails, {report.share:.3%} of the pixels"
        console.print(f"well-formed: {report.rows:,} rows, {filled}")


def _together(faults: list[Fault]) -> str:
    """Line on faults of the same words: how many, the first of them, what to do."""
    where = [str(each).removesuffix(f": {each.what}; {each.todo}") for each in faults[:SHOWN]]
    more = ", ..." if len(faults) > SHOWN else ""
    return f"{len(faults):,} lines: {faults[0].what}; {faults[0].todo} ({', '.join(where)}{more})"


def print_score(console: Page, scored: Scored, worst: int) -> None:
    """Print the Dice, the difference to another file, and the records with the most wrong pixels."""
    dice, counts = scored.score.dice, scored.score.counts
    value = f"Dice {dice.value:.5f}  {interval_text(dice.interval)}" if counts.truth else "no Dice"
    gap = "  " if counts.truth else " "
    records = counted(scored.score.records, "record")
    console.print(
        f"{value}{gap}on {records} in {groups_text(dice.groups, dice.effective_groups)}: "
        f"tp {counts.tp:,}, predicted {counts.predicted:,}, truth {counts.truth:,}",
    )
    if scored.against:
        console.print(_difference_line(scored.against))
    rows = scored.score.worst(worst)
    if rows:
        console.table(_worst_columns(rows), "most wrong pixels")


def print_submitted(console: Page, document: Mapping[str, Any]) -> None:
    """Print what was written, beside the foreground of the records that the ensemble was fitted on."""
    console.say(f"{document['file']}: {counted(document['rows'], 'record')}, read back and compared pixel by pixel")
    ours = {"records": document["rows"], "share": document["share"], "not_empty": document["not_empty"]}
    rows = [("this file", ours), *((TITLES[name], document[name]) for name in TITLES if name in document)]
    columns = [
        column_of(rows, "", 0, lambda row: row[0], numbers=False),
        column_of(rows, "records", 1, lambda row: f"{row[1]['records']:,}"),
        column_of(rows, "contrail pixels", 0, lambda row: f"{row[1]['share']:.3%}"),
        column_of(rows, "masks with any", 2, lambda row: _share_not_empty(row[1])),
    ]
    console.table(columns)


def _share_not_empty(part: Mapping[str, Any]) -> str:
    return f"{part['not_empty']:,} ({part['not_empty'] / part['records']:.0%})"


def print_bundle(console: Page, document: Mapping[str, Any]) -> None:
    """Print the size of a bundle, and the hours that a notebook with it takes."""
    members = ", ".join(document["members"])
    console.say(f"{document['file']}: {document['files']} files, {document['bytes'] / 1e6:.1f} MB: {members}")
    if document["hours"] is not None:
        console.print(
            f"{document['seconds_per_record']:.2f} s a record here: about {document['hours']:.1f} of "
            f"{document['limit_hours']:g} hours for {document['records']:,} hidden records on a machine like this one"
        )


def print_ledger(console: Page, ledger: Ledger, correlations: Mapping[str, Correlation | None]) -> None:
    """Print the entries, and the correlation of local scores with those of each leaderboard."""
    if not ledger.entries:
        console.print("the ledger is empty")
        return
    console.table(_entry_columns(ledger))
    known = [each.sent.effective_groups for each in ledger.entries if each.sent.effective_groups is not None]
    if known and min(known) < FEW_EFFECTIVE:
        console.print(f"below {FEW_EFFECTIVE} effective scene groups no interval can be trusted")
    for board, found in correlations.items():
        if found:
            console.print(_correlation_line(board, found), soft_wrap=True)


def _difference_line(difference: Difference) -> str:
    change = difference.dice
    verdict = "significant" if change.low > 0 or change.high < 0 else "within chance"
    return (
        f"less the other's {difference.second.dice:.5f}: {change.value:+.5f}  "
        f"{interval_text(change.interval, '+.4f')}  on {counted(difference.records, 'shared record')}: {verdict}"
        + (f"; {change.caution}" if change.caution else "")
    )


def _worst_columns(rows: list[tuple[str, Counts]]) -> list[Column]:
    return [
        column_of(rows, "record", 0, lambda row: row[0], numbers=False),
        column_of(rows, "wrong", 0, lambda row: f"{row[1].predicted + row[1].truth - 2 * row[1].tp:,}"),
        column_of(rows, "true positive", 2, lambda row: f"{row[1].tp:,}"),
        column_of(rows, "predicted", 3, lambda row: f"{row[1].predicted:,}"),
        column_of(rows, "truth", 4, lambda row: f"{row[1].truth:,}"),
        column_of(rows, "Dice", 1, lambda row: f"{row[1].dice:.3f}"),
    ]


def _entry_columns(ledger: Ledger) -> list[Column]:
    entries = ledger.entries
    best = max((each.public for each in entries if each.public is not None), default=0.0)

    def behind(each: Entry) -> str:
        return EMPTY if each.public is None else f"{each.public - best:.3f}"

    return [
        column_of(entries, words.NUMBER, 0, lambda each: str(each.number)),
        column_of(entries, words.NAME, 0, lambda each: each.sent.name, numbers=False),
        column_of(entries, words.WHEN, 4, lambda each: each.sent.when[:10] or EMPTY, numbers=False),
        column_of(entries, words.MEMBERS, 9, lambda each: ", ".join(each.sent.members) or EMPTY, numbers=False),
        column_of(entries, words.LOCAL, 0, lambda each: cell(each.sent.local, _figure)),
        column_of(entries, "interval", 3, lambda each: cell(each.sent.interval, _interval)),
        column_of(entries, words.EFFECTIVE, 7, lambda each: cell(each.sent.effective_groups, "{:.1f}")),
        column_of(entries, words.PUBLIC, 1, lambda each: cell(each.public, _figure)),
        column_of(entries, "behind best", 6, behind),
        column_of(entries, words.PRIVATE, 2, lambda each: cell(each.private, _figure)),
        column_of(entries, words.OF_PIXELS, 5, lambda each: cell(each.sent.share, "{:.3%}")),
        column_of(entries, words.NOTE, 8, lambda each: each.sent.note or EMPTY, numbers=False),
    ]


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f}-{interval[1]:.3f}"


def _figure(score: float) -> str:
    return f"{score:.5f}".rstrip("0")


def _correlation_line(board: str, found: Correlation) -> str:
    interval = f" [{found.interval[0]:.2f}, {found.interval[1]:.2f}]" if found.interval else ""
    return (
        f"local against {board}: correlation {found.pearson:.2f}{interval}, of ranks {found.spearman:.2f}, "
        f"{board} less local {found.offset:+.4f} on average, {found.entries} entries"
    )
