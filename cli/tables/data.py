"""What `cli data` prints: tables of checks, statistics and folds, and the folds' JSON document."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zoo.data import Folds
from zoo.data.check import Report
from zoo.data.stats import PERCENTILES, PIXEL_PERCENTILES, QUANTITIES, Summary
from zoo.data.synth import Row

MANY = 10  # scene groups that are shown; the csv holds them all


def table(title: str, texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table whose first columns hold text and whose others hold numbers."""
    made = Table(title=title, title_justify="left")
    for name in texts:
        made.add_column(name, no_wrap=True)
    for name in numbers:
        made.add_column(name, justify="right")
    for row in rows:
        made.add_row(*row)
    return made


def print_check(console: Console, report: Report) -> None:
    """What there is by source and split, then a line for each fault."""
    document = report.as_dict()
    counts = ("records", "labelled", "files", "absent_frames", "faults")
    rows = [
        (
            tally["source"],
            tally["split"],
            *(f"{tally[name]:,}" for name in counts),
            _bands(tally["bands"]),
            _bands(tally["bands_with_all_frames"]),
        )
        for tally in document["splits"]
    ]
    heads = ("records", "labelled", "files", "absent frames", "faults", "bands", "with 8 frames")
    console.print(table("Data", ("source", "split"), heads, rows))
    for fault in report.faults:
        console.print(str(fault), markup=False, soft_wrap=True)
    totals = ", ".join(f"{document[name]:,} {name.replace('_', ' ')}" for name in ("records", "files", "absent_frames"))
    console.print(f"{totals}, {len(report.faults) or 'no'} faults", soft_wrap=True)


def print_comparison(console: Console, rows: Sequence[Row]) -> None:
    """Figures of synthetic scenes beside those of real ones."""
    cells = (
        (
            row.figure,
            *(f"{number:,.3f}" for number in (row.real, row.synthetic, row.tolerance)),
            "ok" if row.ok else "far",
        )
        for row in rows
    )
    console.print(table("Likeness", ("figure",), ("real", "synthetic", "tolerance", ""), cells))
    far = sum(not row.ok for row in rows)
    console.print(f"{len(rows) - far} of {len(rows)} figures within their tolerance", soft_wrap=True)


def _bands(bands: Sequence[int]) -> str:
    """8-16 for neighbours, else 11 14 15."""
    if len(bands) > 2 and bands[-1] - bands[0] == len(bands) - 1:
        return f"{bands[0]}-{bands[-1]}"
    return " ".join(map(str, bands)) or "none"


def print_stats(console: Console, summaries: Sequence[Summary]) -> None:
    """Labels, kelvins, and percentiles of the band differences."""
    if len(summaries) == 2:
        summaries = summaries[:1]  # all is the same as the one there is
    console.print(_label_table(summaries))
    console.print(_kelvin_table(summaries))
    console.print(_difference_table(summaries))
    if any(summary.clipped for summary in summaries):
        console.print("* kelvins of ash-colour scenes are clipped; all leaves them out, but for the ash colours")


def _name(summary: Summary) -> str:
    star = " *" if summary.clipped else ""
    return "all" if summary.source == "all" else f"{summary.source} {summary.split}{star}"


def _label_table(summaries: Sequence[Summary]) -> Table:
    rows = []
    for summary in summaries:
        pixels, some = summary.pixel_percentiles(), summary.with_contrails
        shares = (summary.share_with_contrails, summary.positive_share)
        rows.append(
            (
                _name(summary),
                f"{summary.records:,}",
                f"{len(summary.positives):,}",
                *("-" if share is None else f"{share:.2%}" for share in shares),
                *(f"{pixels[key]:.0f}" if pixels else "-" for key in map("{:g}".format, PIXEL_PERCENTILES)),
                f"{some.max()}" if some.size else "-",
            )
        )
    heads = ("records", "labelled", "with contrails", "positive pixels")
    ranks = (*(f"{percent:g} %" for percent in PIXEL_PERCENTILES), "max")
    title = "Labels; percentiles of contrail pixels in a record that has any"
    return table(title, ("",), (*heads, *ranks), rows)


def _kelvin_table(summaries: Sequence[Summary]) -> Table:
    whole = summaries[-1].quantities
    rows = []
    for name in QUANTITIES:
        spreads = [summary.quantities.get(name) for summary in summaries]
        cells = [f"{spread.mean:.3f} ± {spread.std:.3f}" if spread else "-" for spread in spreads]
        ends = (f"{whole[name].low:.2f}", f"{whole[name].high:.2f}") if name in whole else ("-", "-")
        if any(spreads):
            rows.append((name, *cells, *ends))
    whole_name = _name(summaries[-1])
    heads = (*map(_name, summaries), f"{whole_name}: min", "max")
    return table("Labelled frame: mean ± standard deviation, kelvin; ash colours 0 to 1", ("",), heads, rows)


def _difference_table(summaries: Sequence[Summary]) -> Table:
    rows = [
        (name, _name(summary), *(f"{summary.quantities[name].percentile(each):.2f}" for each in PERCENTILES))
        for name in QUANTITIES
        for summary in summaries
        if name in summary.quantities and name.startswith("T")
    ]
    heads = tuple(f"{percent:g} %" for percent in PERCENTILES)
    return table("Band differences: percentiles over pixels, kelvin", ("", "where"), heads, rows)


def folds_document(path: Path, folds: Folds, placed: int) -> dict[str, Any]:
    """The folds in numbers, and the scene groups of more than one record; `placed` records have metadata."""
    return {
        "path": str(path),
        "sha256": folds.sha256,
        "records": len(folds.rows),
        "by_place_and_time": placed,
        "by_look": len(folds.rows) - placed,
        "folds": [_fold(folds, fold) for fold in range(folds.count)],
        "groups": _large_groups(folds),
    }


def _fold(folds: Folds, fold: int) -> dict[str, Any]:
    rows = [row for row in folds.rows if row.fold == fold]
    counts = [row.positives or 0 for row in rows]
    return {
        "fold": fold,
        "records": len(rows),
        "groups": len({folds.group_of[row.record_id] for row in rows}),
        "with_contrails": sum(count > 0 for count in counts),
        "contrail_pixels": sum(counts),
        "splits": dict(sorted(Counter(f"{row.source} {row.split}" for row in rows).items())),
    }


def _large_groups(folds: Folds) -> list[list[str]]:
    members: dict[str, list[str]] = {}
    for name, group in folds.group_of.items():
        members.setdefault(group, []).append(name)
    return [names for names in members.values() if len(names) > 1]


def print_folds(console: Console, document: Mapping[str, Any]) -> None:
    """A row a fold, how the scene groups were found, and those of more than one record."""
    splits = sorted({split for fold in document["folds"] for split in fold["splits"]})
    names = ("records", "groups", "with_contrails", "contrail_pixels")
    rows = [
        (
            str(fold["fold"]),
            *(f"{fold[name]:,}" for name in names),
            *(str(fold["splits"].get(each, 0)) for each in splits),
        )
        for fold in document["folds"]
    ]
    heads = (*(name.replace("_", " ") for name in names), *splits)
    console.print(table(f"Folds of {document['records']:,} labelled records", ("fold",), heads, rows))
    by_place, by_look = document["by_place_and_time"], document["by_look"]
    console.print(f"scene groups: {by_place:,} records by place and time, {by_look:,} by the look of their frames")
    groups = document["groups"]
    for group in groups[:MANY]:
        console.print(f"one scene group: {', '.join(group)}", markup=False, soft_wrap=True)
    if len(groups) > MANY:
        console.print(f"... and {len(groups) - MANY} more groups of several records, in the csv")
    console.print(document["path"], markup=False, soft_wrap=True)
