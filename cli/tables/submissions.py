"""Tables of submissions: a check, a score, the ledger, what was written or packed.

In: values of `submissions` and `pipeline`. Out: text on a console. Stays outside: computing anything.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.tables.columns import cell
from core.dice import Counts
from core.uncertainty import FEW_EFFECTIVE, groups_text, interval_text
from core.words import counted
from pipeline.score import Scored
from pipeline.submission import TITLES
from submissions import Difference, Ledger, Report
from submissions.correlation import Correlation
from submissions.report import Fault

SHOWN = 5  # faults of the same words
TEXTS = ("name", "when", "members", "note")


def print_report(console: Console, report: Report) -> None:
    """Print faults, notes, and the figures of an accepted file."""
    alike: dict[tuple[str, str], list[Fault]] = {}
    for fault in report.faults:
        alike.setdefault((fault.what, fault.todo), []).append(fault)
    for faults in alike.values():
        console.print("\n".join(map(str, faults[:SHOWN])), markup=False, soft_wrap=True)
        if len(faults) > SHOWN:
            console.print(f"... and {len(faults) - SHOWN:,} more lines: {faults[0].what}", markup=False, soft_wrap=True)
    if report.more:
        console.print(f"... and {report.more:,} more faults", markup=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False)
    if report.accepted:
        filled = f"{report.filled:,} with contrails, {report.share:.3%} of the pixels"
        console.print(f"well-formed: {report.rows:,} rows, {filled}", markup=False)


def print_score(console: Console, scored: Scored, worst: int) -> None:
    """Print the Dice, the difference to another file, and the records with the most wrong pixels."""
    dice, counts = scored.score.dice, scored.score.counts
    value = f"Dice {dice.value:.5f}  {interval_text(dice.interval)}" if counts.truth else "no Dice"
    gap = "  " if counts.truth else " "
    records = counted(scored.score.records, "record")
    console.print(
        f"{value}{gap}on {records} in {groups_text(dice.groups, dice.effective_groups)}: "
        f"tp {counts.tp:,}, predicted {counts.predicted:,}, truth {counts.truth:,}",
        markup=False,
    )
    if scored.against:
        console.print(_difference_line(scored.against), markup=False)
    rows = scored.score.worst(worst)
    if rows:
        console.print(_worst(rows))


def print_submitted(console: Console, document: Mapping[str, Any]) -> None:
    """Print what was written, beside the foreground of the records that the ensemble was fitted on."""
    console.print(f"{document['file']}: {counted(document['rows'], 'record')}, read back and compared pixel by pixel")
    table = Table("", "records", "contrail pixels", "masks with any")
    for column in table.columns[1:]:
        column.justify = "right"
    ours = {"records": document["rows"], "share": document["share"], "not_empty": document["not_empty"]}
    known = {TITLES[name]: document[name] for name in TITLES if name in document}
    for name, share in {"this file": ours, **known}.items():
        filled = f"{share['not_empty']:,} ({share['not_empty'] / share['records']:.0%})"
        table.add_row(name, f"{share['records']:,}", f"{share['share']:.3%}", filled)
    console.print(table)


def print_bundle(console: Console, document: Mapping[str, Any]) -> None:
    """Print the size of a bundle, and the hours that a notebook with it takes."""
    members = ", ".join(document["members"])
    console.print(f"{document['file']}: {document['files']} files, {document['bytes'] / 1e6:.1f} MB: {members}")
    if document["hours"] is not None:
        console.print(
            f"{document['seconds_per_record']:.2f} s a record here: about {document['hours']:.1f} of "
            f"{document['limit_hours']:g} hours for {document['records']:,} hidden records on a machine like this one"
        )


def print_ledger(console: Console, ledger: Ledger, correlations: Mapping[str, Correlation | None]) -> None:
    """Print the entries, and the correlation of local scores with those of each leaderboard."""
    if not ledger.entries:
        console.print("the ledger is empty")
        return
    console.print(_entries(ledger))
    known = [each.sent.effective_groups for each in ledger.entries if each.sent.effective_groups is not None]
    if known and min(known) < FEW_EFFECTIVE:
        console.print(f"below {FEW_EFFECTIVE} effective scene groups no interval can be trusted")
    for board, found in correlations.items():
        if found:
            console.print(_correlation_line(board, found), markup=False, soft_wrap=True)


def _difference_line(difference: Difference) -> str:
    change = difference.dice
    verdict = "significant" if change.low > 0 or change.high < 0 else "within chance"
    return (
        f"less the other's {difference.second.dice:.5f}: {change.value:+.5f}  "
        f"{interval_text(change.interval, '+.4f')}  on {counted(difference.records, 'shared record')}: {verdict}"
        + (f"; {change.caution}" if change.caution else "")
    )


def _worst(rows: list[tuple[str, Counts]]) -> Any:
    table = Table("record", title="most wrong pixels", title_justify="left")
    for name in ("wrong", "true positive", "predicted", "truth", "Dice"):
        table.add_column(name, justify="right")
    for record_id, counts in rows:
        wrong = counts.predicted + counts.truth - 2 * counts.tp
        figures = (wrong, counts.tp, counts.predicted, counts.truth)
        table.add_row(record_id, *(f"{value:,}" for value in figures), f"{counts.dice:.3f}")
    return table


def _entries(ledger: Ledger) -> Any:
    entries = ledger.entries
    best = max((each.public for each in entries if each.public is not None), default=0.0)
    columns = {
        "#": [str(each.number) for each in entries],
        "name": [each.sent.name for each in entries],
        "when": [each.sent.when[:16] for each in entries],
        "members": [", ".join(each.sent.members) for each in entries],
        "local": [cell(each.sent.local, _figure, "") for each in entries],
        "interval": [cell(each.sent.interval, _interval, "") for each in entries],
        "effective groups": [cell(each.sent.effective_groups, "{:.1f}", "") for each in entries],
        "public": [cell(each.public, _figure, "") for each in entries],
        "behind best": ["" if each.public is None else f"{each.public - best:.3f}" for each in entries],
        "private": [cell(each.private, _figure, "") for each in entries],
        "share": [cell(each.sent.share, "{:.3%}", "") for each in entries],
        "note": [each.sent.note for each in entries],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    table = Table()
    for name in shown:
        table.add_column(name, justify="left" if name in TEXTS else "right")
    for row in zip(*shown.values()):
        table.add_row(*row)
    return table


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
