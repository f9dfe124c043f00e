"""Section of the report: where the Dice is lost, in numbers."""

from __future__ import annotations

from typing import Any

from analysis import ErrorReport
from analysis.masks import KINDS
from analysis.strata import STRATA
from pipeline import columns as words
from pipeline.report.asked import Asked
from pipeline.report.cells import dice, number, share
from webpage import Cell, Column, Table, Text
from webpage.blocks import Block

LOSS, SHARE = Column(words.OF_ALL, draw="bar"), Column(words.SHARE, draw="bar")


def blocks(asked: Asked) -> list[Block]:
    """Tabulate wrong pixels by kind, true contrails by size, classes of records, and the labelers' agreement."""
    report = asked.errors
    found: list[Block] = [Text(_lead(report)), _kinds(report), _contrails(report), _strata(report)]
    labelers = report.labelers()
    return [*found, _ceiling(labelers)] if labelers else found


def _lead(report: ErrorReport) -> str:
    counts, kind = report.counts, report.kind.replace("_", "-")
    return (
        f"{report.name}: {kind} Dice {report.dice.value:.4f} on {len(report.records):,} records; {counts.tp:,} pixels "
        f"right, {counts.predicted - counts.tp:,} false, {counts.truth - counts.tp:,} missed."
    )


def _kinds(report: ErrorReport) -> Table:
    columns = [Column(words.KIND, numeric=False), Column(words.PIXELS), SHARE, Column(words.DICE_WITHOUT)]
    rows = [
        [
            Cell(KINDS[row["kind"]]),
            number(row["pixels"], ",d"),
            share(_value(row["share"])),
            number(row["dice_without"], ".3f"),
        ]
        for row in report.kinds()
    ]
    return Table("Wrong pixels by kind", columns, rows, f"{words.DICE_WITHOUT}: if all pixels of the kind were right.")


def _contrails(report: ErrorReport) -> Table:
    columns = [
        Column(words.PIXELS, numeric=False),
        Column(words.CONTRAILS),
        Column(words.TOUCHED, draw="range", axis="share"),
        Column(words.FOUND, draw="range", axis="share"),
        Column(f"{words.MISSED}, {words.OF_ALL}", draw="bar"),
    ]
    rows = [
        [
            Cell(row["pixels"], float(place)),
            number(row["contrails"], "d"),
            _range(row["touched"]),
            _range(row["pixels_found"]),
            share(row["missed_share_of_loss"]),
        ]
        for place, row in enumerate(report.contrails())
    ]
    note = f"{words.TOUCHED}: contrails that share a pixel with the prediction; {words.FOUND}: of their pixels."
    return Table("Contrails found, by size", columns, rows, note)


def _strata(report: ErrorReport) -> Table:
    titles = {classes.name: classes.title for classes in STRATA}
    columns = [Column("by", numeric=False), Column(words.CLASS, numeric=False), Column(words.RECORDS)]
    columns += [Column(f"{words.DICE}, {words.INTERVAL}", draw="range"), LOSS]
    rows = [
        [
            Cell(titles[row["by"]]),
            Cell(row["class"], float(place)),
            number(row["records"], "d"),
            _range(row["dice"]),
            share(row["loss_share"]),
        ]
        for place, row in enumerate(report.strata())
    ]
    return Table("Classes of records", columns, rows)


def _ceiling(labelers: dict[str, Any]) -> Table:
    columns = [
        Column(f"{words.BORDER}, px"),
        Column(words.LABELER, draw="range", axis="dice"),
        Column(words.PREDICTION, draw="range", axis="dice"),
        Column(words.AHEAD, draw="range", axis="ahead"),
    ]
    rows = [
        [number(row["border"], "d"), _range(row["labeler"]), _range(row["prediction"]), _range(row["ahead"], "+.3f")]
        for row in labelers["ceiling"]
    ]
    note = f"Dice against the majority of the other labelers, on the {labelers['records']} records with known labelers."
    return Table("The ceiling: how far labelers agree", columns, rows, note)


def _range(figure: dict[str, Any] | None, form: str = ".3f") -> Cell:
    return dice(None, None) if figure is None else dice(figure["value"], figure["interval"], form)


def _value(figure: dict[str, Any] | None) -> float | None:
    return None if figure is None else float(figure["value"])
