"""Sections of the report: the ensemble's honest table, its plateau and its members; the correlation of their errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.thresholds import threshold_text
from core.uncertainty import groups_text
from core.words import counted
from ensemble import Ensemble
from ensemble.landscape import DROP, Landscape, landscape_of
from ensemble.loading import out_of_fold
from ensemble.model import EDITED
from pipeline import columns as words
from pipeline.labels import open_labels
from pipeline.maps import oof_maps
from pipeline.report.asked import Asked
from pipeline.report.cells import dice, number, word
from webpage import Band, Cell, Column, HeatMap, Line, LineChart, Matrix, Steps, Table, Text
from webpage.blocks import Block, Point

POINTS = 120  # thresholds of the curve
GRID = (48, 24)  # thresholds and min-pixels of the heat map
DEPTH = 0.1  # Dice below the highest from which the heat map has colours
TITLES = {"uniform": words.EQUAL, "best_single": words.BEST}
GAINS = {"uniform": "uniform", "best_single": "best"}  # the keys of `gain` in a document


def blocks(asked: Asked) -> list[Block]:
    """Show the fit; UserError if no ensemble is fitted, or its file is of an earlier release."""
    document = _figures(asked)
    found: list[Block] = [Text(_lead(asked.ensemble, document)), _honest(document)]
    found += [Text(f"Warning: {line}.") for line, do in asked.ensemble.report.advised_warnings if do is None]
    try:
        shown = _landscape(asked)
        found += [_plateau(shown, document), _heat(shown)]
    except UserError as error:
        found.append(Steps([asked.advice(f"no plateau here: {error.what}", error.do)]))
    found.append(_members(document))
    if document["folds"]:
        found.append(_folds(document))
    if document["decisions"]:
        found.append(_decisions(document))
    return found


def correlation(asked: Asked) -> list[Block]:
    """Show how alike the members' errors are."""
    document = _figures(asked)
    names = list(document["members"])
    if len(names) < 2:
        raise UserError("the ensemble has a single member")
    note = (
        "Correlation of probability minus label over the active pixels, all members together. Members that err in the "
        "same places add little to one another."
    )
    return [Matrix("Correlation of the members' errors", names, document["error_correlation"], note)]


def _figures(asked: Asked) -> Mapping[str, Any]:
    ensemble = asked.ensemble
    if ensemble.edited:
        raise UserError(f"ensemble {ensemble.name} {EDITED}", ensemble.fit_again)
    return ensemble.shown


def _lead(ensemble: Ensemble, document: Mapping[str, Any]) -> str:
    cut = "no min-pixels"
    if ensemble.mode != "none":
        cut = f"{ensemble.mode}s of fewer than {counted(ensemble.k, 'pixel')} dropped"
    groups = groups_text(document["groups"], document.get("effective_groups"))
    return (
        f"Ensemble {ensemble.name}: {document['method']}, threshold {threshold_text(ensemble.threshold, 3)}, {cut}; "
        f"fitted on {counted(document['records'], 'record')} in {groups}, "
        f"{counted(len(document['folds']) or 1, 'fold')}. "
        "Cross-fitted: weights, threshold and min-pixels were fitted without a fold and scored on it."
    )


def _honest(document: Mapping[str, Any]) -> Table:
    own = document["dice"]
    kind = own["interval_of"]
    columns = [
        Column("blend", numeric=False),
        Column(f"{words.IN_SAMPLE} {words.DICE}"),
        Column(f"{kind.replace('_', '-')} {words.DICE}, {words.INTERVAL}", draw="range", axis="dice"),
        Column("ensemble less it, paired", draw="range", axis="gain"),
    ]
    rows = [[Cell("ensemble"), number(own["in_sample"], ".4f"), dice(own[kind], own["interval"]), word("")]]
    for key, title in TITLES.items():
        gain = document["gain"][GAINS[key]]
        apart = dice(gain["value"], gain["interval"], "+.4f")
        rows.append([Cell(title), word(""), dice(own[key], own.get(f"{key}_interval")), apart])
    note = "Equal weights and the best single member are cut at their own best thresholds, without min-pixels."
    return Table("The ensemble and its baselines", columns, rows, note)


def _landscape(asked: Asked) -> Landscape:
    ensemble, scenes = asked.ensemble, asked.require_scenes()
    members = list(oof_maps(asked.store, ensemble).values())
    labels = open_labels(asked.store, scenes, members, asked.listener)
    fitted = set(ensemble.record_ids)
    ids = [record for record in labels.record_ids if record in fitted]
    records = out_of_fold(members, ids, labels.mask, labels.folds)
    return landscape_of(ensemble, records, asked.jobs)


def _plateau(shown: Landscape, document: Mapping[str, Any]) -> LineChart:
    where, center = shown.points, np.interp(shown.points, shown.thresholds, shown.dice)
    band = [(float(x), float(y - 2 * e), float(y + 2 * e)) for x, y, e in zip(where, center, shown.error)]
    rows = _some(len(shown.thresholds), POINTS)
    points: list[Point] = [(float(shown.thresholds[row]), float(shown.dice[row])) for row in rows]
    rules = [("chosen", shown.choice.threshold)]
    low, high = shown.plateau
    folds = ", ".join(threshold_text(fold["threshold"], 3) for fold in document["folds"])
    without = f" Chosen without each fold: {folds}." if folds else ""
    return LineChart(
        "Dice against threshold, in-sample",
        "threshold (probability)",
        "Dice",
        [Line("ensemble", points)],
        Band("± 2 standard errors", band),
        (f"plateau: less than {DROP} lost", low, high),
        rules,
        note=f"Less than {DROP} is lost from {threshold_text(low, 3)} to {threshold_text(high, 3)}.{without}",
    )


def _heat(shown: Landscape) -> HeatMap:
    rows, columns = _some(len(shown.thresholds), GRID[0]), _some(len(shown.sizes), GRID[1])
    grid = shown.surface[np.ix_(rows, columns)].T
    chosen = shown.choice.cut
    used = "" if chosen.mode != "none" else " The ensemble uses none: its point lies at 0."
    return HeatMap(
        f"Dice against threshold and min-pixels per {shown.mode}, in-sample",
        "threshold (probability)",
        "min-pixels",
        "Dice",
        shown.thresholds[rows].tolist(),
        shown.sizes[columns].tolist(),
        grid.tolist(),
        max(0.0, float(grid.max()) - DEPTH),
        (shown.choice.threshold, float(chosen.k)),
        f"Dark: {DEPTH} or more below the highest.{used}",
    )


def _some(number: int, most: int) -> NDArray[np.int64]:
    """Evenly spread indices of `number` things, at most `most`, the first and the last among them."""
    return np.unique(np.linspace(0, number - 1, min(number, most)).round().astype(np.int64))


def _members(document: Mapping[str, Any]) -> Table:
    kind = document["dice"]["interval_of"]
    columns = [
        Column(words.MEMBER, numeric=False),
        Column(words.WEIGHT, draw="bar"),
        Column(f"alone: {kind.replace('_', '-')} {words.DICE}, {words.INTERVAL}", draw="range", axis="dice"),
        Column(f"alone: {words.IN_SAMPLE} {words.DICE}"),
        Column(f"alone: {words.THRESHOLD}"),
        Column(f"{words.WITHOUT} it: {words.CHANGE}", draw="range", axis="worth"),
        Column(words.Z),
        Column(words.SECONDS_OF_ALL),
    ]
    rows = []
    for name, member in document["members"].items():
        change, around, z = _without(document["worth"].get(name))
        rows.append(
            [
                Cell(name),
                number(document["weights"][name], ".4f"),
                dice(member[kind], member["interval"]),
                number(member["in_sample"], ".4f"),
                Cell(threshold_text(member["threshold"], 3), float(member["threshold"])),
                dice(change, around, "+.4f"),
                number(z, ".1f"),
                number(member["seconds_per_record"], ".2f"),
            ]
        )
    note = "Without it: paired, the weight going to the others in proportion, without min-pixels."
    return Table("Weights, and the value of each member", columns, rows, note)


def _without(worth: Mapping[str, Any] | None) -> tuple[float | None, list[float] | None, float | None]:
    """Change of the Dice without a member, its interval and z, from what the member adds."""
    if worth is None:
        return None, None, None
    around = worth.get("interval")
    return -worth["gain"], around and [-bound for bound in reversed(around)], -worth["z"]


def _folds(document: Mapping[str, Any]) -> Table:
    names = list(document["members"])
    columns = [Column(words.WITHOUT_FOLD), Column(words.DICE_ON_IT), Column(words.RECORDS), Column(words.THRESHOLD)]
    columns += [Column(words.MIN_PIXELS, numeric=False), *(Column(f"{words.WEIGHT} of {name}") for name in names)]
    rows = []
    for fold in document["folds"]:
        cut = fold["min_pixels"]
        own = [
            Cell(str(fold["fold"]), float(fold["fold"])),
            number(fold["dice"], ".4f"),
            number(fold["records"], "d"),
            Cell(threshold_text(fold["threshold"], 3), float(fold["threshold"])),
            word("none" if cut["mode"] == "none" else f"{cut['mode']} {cut['k']}"),
        ]
        rows.append(own + [number(fold["weights"][name], ".4f") for name in names])
    return Table("What was chosen without each fold", columns, rows)


def _decisions(document: Mapping[str, Any]) -> Table:
    columns = [
        Column(words.QUESTION, numeric=False),
        Column(words.CANDIDATE, numeric=False),
        Column("over", numeric=False),
        Column(words.DICE),
        Column(words.GAIN),
        Column(words.Z),
        Column(words.ANSWER, numeric=False),
    ]
    rows = [
        [
            Cell(one["question"]),
            Cell(one["candidate"]),
            Cell(one["baseline"]),
            number(one.get("dice"), ".4f"),
            number(one["gain"], "+.4f"),
            number(one["z"], ".1f"),
            Cell(one["answer"]),
        ]
        for one in document["decisions"]
    ]
    return Table("Decisions of the fit, with the cross-fitted gain", columns, rows)
