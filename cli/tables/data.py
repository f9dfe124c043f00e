"""Tables of `cli data`: checks, statistics and folds."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cli.tables.columns import EMPTY, Column, cell, column_of
from cli.tables.page import Page
from core.words import counted
from zoo.data.check import CheckReport
from zoo.data.folds import count_of
from zoo.data.records import Fault
from zoo.data.stats import PERCENTILES, PIXEL_PERCENTILES, QUANTITIES, Summary

ALIKE = 3  # faults of the same kind that are shown
MANY = 10  # scene groups that are shown; the csv holds them all


def print_check(console: Page, report: CheckReport) -> None:
    """Print what there is by source and split, then the first faults of each kind."""
    document = report.as_dict()
    console.table(_check_columns(document["splits"]))
    alike: dict[str, list[Fault]] = {}
    for fault in report.faults:
        alike.setdefault(re.sub(r"-?\d[\d.]*", "", f"{fault.what}; {fault.todo}"), []).append(fault)
    for kind in alike.values():
        for fault in kind[:ALIKE]:
            console.print(str(fault), soft_wrap=True)
        if len(kind) > ALIKE:
            console.print(f"... and {counted(len(kind) - ALIKE, 'file')} like these; --json lists all")
    nouns = {"records": "record", "files": "file", "absent_frames": "absent frame"}
    totals = ", ".join(counted(document[name], noun) for name, noun in nouns.items())
    faults = counted(len(report.faults), "fault") if report.faults else "no faults"
    console.print(f"{totals}, {faults}", soft_wrap=True)
    if document["absent_frames"]:
        console.say("absent frames are no fault: training refuses by name a member that reads one")


def _check_columns(parts: Sequence[Mapping[str, Any]]) -> list[Column]:
    return [
        column_of(parts, "source", 0, lambda part: part["source"], numbers=False),
        column_of(parts, "split", 0, lambda part: part["split"], numbers=False),
        column_of(parts, "records", 0, lambda part: f"{part['records']:,}"),
        column_of(parts, "labelled", 2, lambda part: f"{part['labelled']:,}"),
        column_of(parts, "files", 6, lambda part: f"{part['files']:,}"),
        column_of(parts, "absent frames", 5, lambda part: f"{part['absent_frames']:,}"),
        column_of(parts, "faults", 1, lambda part: f"{part['faults']:,}"),
        column_of(parts, "bands", 3, lambda part: _bands(part["bands"])),
        column_of(parts, "with 8 frames", 4, lambda part: _bands(part["bands_with_all_frames"])),
    ]


def _bands(bands: Sequence[int]) -> str:
    """8-16 for consecutive bands, else 11 14 15."""
    if len(bands) > 2 and bands[-1] - bands[0] == len(bands) - 1:
        return f"{bands[0]}-{bands[-1]}"
    return " ".join(map(str, bands)) or "none"


def print_stats(console: Page, summaries: Sequence[Summary]) -> None:
    """Print labels, kelvins, and percentiles of the band differences."""
    if len(summaries) == 2:
        summaries = summaries[:1]  # the summary of all repeats the only one
    console.table(_label_columns(summaries), "Labels; percentiles of contrail pixels in a record that has any")
    kelvins = "Labelled frame: mean ± standard deviation, kelvin; ash colours 0 to 1"
    console.table(_kelvin_columns(summaries), kelvins)
    console.table(_difference_columns(summaries), "Band differences: percentiles over pixels, kelvin")
    if any(summary.clipped for summary in summaries):
        console.say("* kelvins of ash-colour scenes are clipped; all leaves them out, but for the ash colours")


def _name(summary: Summary) -> str:
    star = " *" if summary.clipped else ""
    return "all" if summary.source == "all" else f"{summary.source} {summary.split}{star}"


def _label_columns(summaries: Sequence[Summary]) -> list[Column]:
    def percentile(percent: float) -> Column:
        key, rank = f"{percent:g}", _rank_of_percentile(percent)
        return column_of(summaries, f"{key} %", rank, lambda one: cell(one.pixel_percentiles().get(key), "{:.0f}"))

    def largest(one: Summary) -> str:
        return cell(one.with_contrails.max() if one.with_contrails.size else None)

    return [
        column_of(summaries, "where", 0, _name, numbers=False),
        column_of(summaries, "records", 0, lambda one: f"{one.records:,}"),
        column_of(summaries, "labelled", 2, lambda one: f"{len(one.positives):,}"),
        column_of(summaries, "with contrails", 1, lambda one: cell(one.share_with_contrails, "{:.2%}")),
        column_of(summaries, "positive pixels", 1, lambda one: cell(one.positive_share, "{:.2%}")),
        *map(percentile, PIXEL_PERCENTILES),
        column_of(summaries, "max", 3, largest),
    ]


def _kelvin_columns(summaries: Sequence[Summary]) -> list[Column]:
    """Quantities as rows; the summary of all and its extremes get their room first."""
    whole = summaries[-1]
    names = [name for name in QUANTITIES if any(name in summary.quantities for summary in summaries)]

    def mean(summary: Summary) -> Column:
        found = [summary.quantities.get(name) for name in names]
        cells = (f"{stats.mean:.2f} ± {stats.std:.2f}" if stats else EMPTY for stats in found)
        return Column(_name(summary), tuple(cells), 0 if summary is whole else 2)

    def end(title: str, of: str) -> Column:
        found = [whole.quantities.get(name) for name in names]
        return Column(title, tuple(cell(stats and getattr(stats, of), "{:.2f}") for stats in found), 1)

    quantity = Column("quantity", tuple(names), 0, numbers=False)
    return [quantity, *map(mean, summaries), end(f"{_name(whole)}: min", "low"), end("max", "high")]


def _difference_columns(summaries: Sequence[Summary]) -> list[Column]:
    rows = [
        (name, summary)
        for name in QUANTITIES
        for summary in summaries
        if name in summary.quantities and name.startswith("T")
    ]

    def percentile(percent: float) -> Column:
        title, rank = f"{percent:g} %", _rank_of_percentile(percent)
        return column_of(rows, title, rank, lambda row: f"{row[1].quantities[row[0]].percentile(percent):.2f}")

    return [
        column_of(rows, "difference", 0, lambda row: row[0], numbers=False),
        column_of(rows, "where", 0, lambda row: _name(row[1]), numbers=False),
        *map(percentile, PERCENTILES),
    ]


def _rank_of_percentile(percent: float) -> int:
    """Rank of a column: the median first, then quartiles, then what lies farther out."""
    return 0 if percent == 50 else 4 + sum(abs(percent - 50) > bound for bound in (25, 40, 45, 49))


def print_folds(console: Page, document: Mapping[str, Any]) -> None:
    """Print one row for each fold, how the scene groups were found, and those of more than one record."""
    splits = sorted({split for fold in document["folds"] for split in fold["splits"]})
    names = ("records", "groups", "with_contrails", "contrail_pixels")
    folds = document["folds"]

    def count(rank: int, name: str) -> Column:
        return column_of(folds, name.replace("_", " "), rank, lambda fold: f"{fold[name]:,}")

    def of_split(split: str) -> Column:
        return column_of(folds, split, 1, lambda fold: str(fold["splits"].get(split, 0)))

    columns = [column_of(folds, "fold", 0, lambda fold: str(fold["fold"])), *map(count, (0, 1, 2, 0), names)]
    columns += map(of_split, splits)
    console.table(columns, f"Folds of {document['records']:,} labelled records")
    by_place, by_look = document["by_place_and_time"], document["by_look"]
    console.say(f"scene groups: {by_place:,} records by place and time, {by_look:,} by the look of their frames")
    if document["ungrouped"]:
        unknown = count_of(document["ungrouped"])
        console.print(
            f"unknown scene group: {unknown}: neither place and time nor a band in common with the others",
            soft_wrap=True,
        )
    groups = document["groups"]
    for group in groups[:MANY]:
        console.print(f"one scene, kept in one fold: {', '.join(group)}", soft_wrap=True)
    if len(groups) > MANY:
        console.print(f"... and {len(groups) - MANY} more groups of several records, in the csv")
    # A split is named with its source where there are several.
    counts = [(name.split()[-1], count) for fold in folds for name, count in fold["splits"].items()]
    held = {split: sum(count for name, count in counts if name == split) for split in ("train", "validation")}
    if all(held.values()):
        console.say(
            f"cli zoo train trains on the {held['train']:,} train records outside a fold; --with-val adds the "
            f"{held['validation']:,} validation records"
        )
    console.print(document["path"], soft_wrap=True)
