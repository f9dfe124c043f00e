"""Tables of `cli data`: checks, statistics and folds."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.tables.columns import EMPTY, cell, framed_table
from core.words import counted
from zoo.data.check import CheckReport
from zoo.data.folds import count_of
from zoo.data.stats import PERCENTILES, PIXEL_PERCENTILES, QUANTITIES, Summary

MANY = 10  # scene groups that are shown; the csv holds them all


def print_check(console: Console, report: CheckReport) -> None:
    """Print what there is by source and split, then one line for each fault."""
    document = report.as_dict()
    counts = ("records", "labelled", "files", "absent_frames", "faults")
    rows = [
        (
            part["source"],
            part["split"],
            *(f"{part[name]:,}" for name in counts),
            _bands(part["bands"]),
            _bands(part["bands_with_all_frames"]),
        )
        for part in document["splits"]
    ]
    heads = ("records", "labelled", "files", "absent frames", "faults", "bands", "with 8 frames")
    console.print(framed_table("Data", ("source", "split"), heads, rows))
    for fault in report.faults:
        console.print(str(fault), markup=False, soft_wrap=True)
    nouns = {"records": "record", "files": "file", "absent_frames": "absent frame"}
    totals = ", ".join(counted(document[name], noun) for name, noun in nouns.items())
    faults = counted(len(report.faults), "fault") if report.faults else "no faults"
    console.print(f"{totals}, {faults}", soft_wrap=True)


def _bands(bands: Sequence[int]) -> str:
    """8-16 for consecutive bands, else 11 14 15."""
    if len(bands) > 2 and bands[-1] - bands[0] == len(bands) - 1:
        return f"{bands[0]}-{bands[-1]}"
    return " ".join(map(str, bands)) or "none"


def print_stats(console: Console, summaries: Sequence[Summary]) -> None:
    """Print labels, kelvins, and percentiles of the band differences."""
    if len(summaries) == 2:
        summaries = summaries[:1]  # the summary of all repeats the only one
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
                *(cell(share, "{:.2%}") for share in shares),
                *(cell(pixels.get(f"{percent:g}"), "{:.0f}") for percent in PIXEL_PERCENTILES),
                cell(some.max() if some.size else None),
            )
        )
    heads = ("records", "labelled", "with contrails", "positive pixels")
    ranks = (*(f"{percent:g} %" for percent in PIXEL_PERCENTILES), "max")
    title = "Labels; percentiles of contrail pixels in a record that has any"
    return framed_table(title, ("",), (*heads, *ranks), rows)


def _kelvin_table(summaries: Sequence[Summary]) -> Table:
    whole = summaries[-1].quantities
    rows = []
    for name in QUANTITIES:
        found = [summary.quantities.get(name) for summary in summaries]
        cells = [f"{stats.mean:.3f} ± {stats.std:.3f}" if stats else EMPTY for stats in found]
        ends = (f"{whole[name].low:.2f}", f"{whole[name].high:.2f}") if name in whole else (EMPTY, EMPTY)
        if any(found):
            rows.append((name, *cells, *ends))
    whole_name = _name(summaries[-1])
    heads = (*map(_name, summaries), f"{whole_name}: min", "max")
    return framed_table("Labelled frame: mean ± standard deviation, kelvin; ash colours 0 to 1", ("",), heads, rows)


def _difference_table(summaries: Sequence[Summary]) -> Table:
    rows = [
        (name, _name(summary), *(f"{summary.quantities[name].percentile(each):.2f}" for each in PERCENTILES))
        for name in QUANTITIES
        for summary in summaries
        if name in summary.quantities and name.startswith("T")
    ]
    heads = tuple(f"{percent:g} %" for percent in PERCENTILES)
    return framed_table("Band differences: percentiles over pixels, kelvin", ("", "where"), heads, rows)


def print_folds(console: Console, document: Mapping[str, Any]) -> None:
    """Print one row for each fold, how the scene groups were found, and those of more than one record."""
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
    console.print(framed_table(f"Folds of {document['records']:,} labelled records", ("fold",), heads, rows))
    by_place, by_look = document["by_place_and_time"], document["by_look"]
    console.print(f"scene groups: {by_place:,} records by place and time, {by_look:,} by the look of their frames")
    if document["ungrouped"]:
        unknown = count_of(document["ungrouped"])
        console.print(
            f"unknown scene group: {unknown}: neither place and time nor a band in common with the others",
            markup=False,
            soft_wrap=True,
        )
    groups = document["groups"]
    for group in groups[:MANY]:
        console.print(f"one scene group: {', '.join(group)}", markup=False, soft_wrap=True)
    if len(groups) > MANY:
        console.print(f"... and {len(groups) - MANY} more groups of several records, in the csv")
    console.print(document["path"], markup=False, soft_wrap=True)
