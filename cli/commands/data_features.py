"""`cli data features`: which channels tell contrails from their surroundings, and the input that they suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli.folds import find_folds, keep_folds
from cli.options import Settings, common
from cli.output import next_step, progress, say, show
from cli.tables.columns import Column, as_table, column_of
from core.errors import UsageError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.data import Folds, Record, Scenes
    from zoo.data.feature_ranking import Screening


@click.command("features")
@click.option("--folds", "which", metavar="K,...", help="Training folds that are looked at. [all but fold 0]")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Channels that are shown.")
@click.option(
    "--records", type=click.IntRange(1), default=1000, show_default=True, help="Records with contrails, at most."
)
@common
def features(settings: Settings, which: str | None, top: int, records: int) -> None:
    """Rank candidate channels by how well they tell contrails from a ring around them, in the same scene.

    Bands, their differences, change in time, ridges. What is left out of --folds can judge what you build of it.
    """
    from zoo.data.feature_ranking import input_channels, screen
    from zoo.inputs import INPUTS

    scenes = settings.scenes()
    folds = find_folds(settings, scenes)
    numbers = _numbers(which, folds)
    keep_folds(settings, folds)
    chosen = _with_contrails(scenes, folds, numbers, records)
    inputs = {
        name: input_channels(name, facts.bands, facts.channels, INPUTS.get(name), facts.from_ash)
        for name, facts in ((name, INPUTS.facts(name)) for name in INPUTS.names())
    }
    with progress(settings, "features", len(chosen)) as advance:
        found = screen(scenes, chosen, folds.group_of, inputs, settings.jobs, advance)
    document = _document(found, numbers)
    show(settings, document, lambda console: _print(console, document, top))
    clipped = sum(one.record.clipped for one in found.seen)
    if clipped:
        say(settings, f"{clipped} of {len(found.seen)} scenes are ash-colour images: what they clip counts for less")
    left_out = sorted(set(range(folds.count)) - set(numbers))
    if document["suggested"] and left_out:
        next_step(settings, f"cli zoo train --fold {left_out[0]} --set input={document['suggested']}")


def _numbers(which: str | None, folds: Folds) -> list[int]:
    if which is None:
        return list(range(1, folds.count))
    numbers = which.split(",")
    if not all(number.strip().isdigit() and int(number) < folds.count for number in numbers):
        raise UsageError(f"--folds {which}: give numbers from 0 to {folds.count - 1}, as 1,2")
    return sorted({int(number) for number in numbers})


def _with_contrails(scenes: Scenes, folds: Folds, numbers: list[int], most: int) -> list[Record]:
    """Labelled records of these folds, but those that folds.csv knows to be empty; evenly spread where too many."""
    folds.require([record.id for record in scenes.labelled])
    empty = {row.record_id for row in folds.rows if row.positives == 0}
    found = [r for r in scenes.labelled if folds.fold_of[r.id] in numbers and r.id not in empty]
    if not found:
        raise UserError(f"no record of {_named(numbers)} has a contrail; give other --folds, or name more data")
    step = max(1.0, len(found) / most)
    return [found[int(number * step)] for number in range(min(most, len(found)))]


def _named(numbers: Sequence[int]) -> str:
    return ("fold " if len(numbers) == 1 else "folds ") + ", ".join(map(str, numbers))


def _document(found: Screening, numbers: list[int]) -> dict[str, Any]:
    scenes, _ = found.compared
    nearest = found.nearest
    return {
        "folds": numbers,
        "scenes": len(found.seen),
        "groups": int(found.groups.max()) + 1,
        "ranking": [asdict(one) for one in found.ranking],
        "compared_scenes": len(scenes),
        "inputs": [asdict(one) for one in found.mixtures],
        "suggested": nearest.name if nearest else None,
        "composed": {
            kind: [{"channel": name, "d_prime": score} for name, score in found.composed(kind == "pixelwise")]
            for kind in ("pixelwise", "any")
        },
    }


def _print(console: Console, document: dict[str, Any], top: int) -> None:
    where = f"{document['scenes']} scenes of {_named(document['folds'])}"
    console.print(f"Contrail pixels against a ring around them: {where}")
    shown = document["ranking"][:top]
    console.print(as_table(_channel_columns(shown), console.width))
    if any(row["may_be_best"] for row in shown[1:]):
        console.print("~: on the scenes that hold both, it may be as good as the first")
    if document["groups"] == 1:
        console.print("the intervals say nothing: they are drawn from scene groups, and this is one")
    console.print()
    if not document["inputs"]:
        console.print(_no_input(document), soft_wrap=True)
        return
    compared = document["compared_scenes"]
    console.print(f"Registered inputs: the best linear mixture of their channels, on {compared} scenes")
    console.print(as_table(_input_columns(document["inputs"]), console.width))
    console.print(
        f"suggested: {document['suggested']}; of the inputs that every scene allows and that may be the best, "
        "the one with the fewest channels",
        soft_wrap=True,
    )
    for kind, words in (("pixelwise", "pixel by pixel"), ("any", "filters too")):
        steps = "; ".join(f"{row['channel']} ({row['d_prime']:.2f})" for row in document["composed"][kind])
        console.print(f"channels of a new input, {words}, and the d' that each brings it to: {steps}", soft_wrap=True)


def _no_input(document: dict[str, Any]) -> str:
    """Why none is suggested, and what to do."""
    from zoo.data.feature_ranking import FEWEST

    advice = "give more --folds, or name more data"
    found = "that hold the same bands" if document["scenes"] >= FEWEST else f"and here are {document['scenes']}"
    return f"no input is suggested: that takes {FEWEST} scenes with contrails {found}; {advice}"


def _channel_columns(rows: list[dict[str, Any]]) -> list[Column]:
    column = partial(column_of, rows)
    mark = {row["name"]: " ~" for row in rows[1:] if row["may_be_best"]}
    return [
        column("channel", 0, lambda row: row["name"] + mark.get(row["name"], ""), numbers=False),
        column("contrails are", 4, lambda row: "brighter" if row["brighter"] else "darker", numbers=False),
        column("AUC", 1, lambda row: f"{row['auc']:.3f}"),
        column("95 % interval", 2, lambda row: f"{row['low']:.3f} to {row['high']:.3f}"),
        column("d'", 3, lambda row: f"{row['d_prime']:.2f}"),
        column("scenes", 5, lambda row: str(row["scenes"])),
    ]


def _input_columns(rows: list[dict[str, Any]]) -> list[Column]:
    column = partial(column_of, rows)
    return [
        column("input", 0, lambda row: row["name"], numbers=False),
        column("channels", 3, lambda row: str(row["channels"])),
        column("d'", 1, lambda row: f"{row['d_prime']:.2f}"),
        column("behind the best", 2, lambda row: f"{row['behind']:.2f} ± {2 * row['error']:.2f}"),
        column("scenes that allow it", 4, lambda row: str(row["scenes"])),
    ]
