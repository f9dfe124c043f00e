"""`cli data features`: which channels tell contrails from their surroundings, and the input that they suggest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.folds import find_folds, keep_folds
from cli.options import Settings, common
from cli.output import next_step, progress, say, show
from core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from zoo.data import Folds, Record, Scenes
    from zoo.data.screening import Screening


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
    from zoo.data.screening import input_channels, screen
    from zoo.inputs import INPUTS

    scenes = settings.scenes()
    folds = find_folds(settings, scenes)
    numbers = _numbers(which, folds)
    keep_folds(settings, folds)
    chosen = _with_contrails(scenes, folds, numbers, records)
    inputs = {
        name: input_channels(name, facts["bands"], facts["channels"], INPUTS.get(name), facts["from_ash"])
        for name, facts in ((name, INPUTS.entry(name).facts) for name in INPUTS.names())
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
    step = max(1.0, len(found) / most)
    return [found[int(number * step)] for number in range(min(most, len(found)))]


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
    from cli.data_tables import table

    rows = [
        (
            row["name"] + (" ~" if row["may_be_best"] and number else ""),
            "brighter" if row["brighter"] else "darker",
            f"{row['auc']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['d_prime']:.2f}",
            str(row["scenes"]),
        )
        for number, row in enumerate(document["ranking"][:top])
    ]
    folds = ", ".join(map(str, document["folds"]))
    title = f"Contrail pixels against a ring around them: {document['scenes']} scenes of folds {folds}"
    console.print(table(title, ("channel", "contrails are"), ("AUC", "95 %", "d'", "scenes"), rows))
    console.print("~: on the scenes that hold both, it may be as good as the first")
    if not document["inputs"]:
        console.print("no input can be suggested: fewer than 8 scenes hold enough bands")
        return
    console.print(_input_table(document))
    console.print(
        f"suggested: {document['suggested']}; of the inputs that every scene allows and that may be the best, "
        "the one with the fewest channels",
        soft_wrap=True,
    )
    for kind, words in (("pixelwise", "pixel by pixel"), ("any", "filters too")):
        steps = "; ".join(f"{row['channel']} ({row['d_prime']:.2f})" for row in document["composed"][kind])
        console.print(f"channels of a new input, {words}, and the d' that each brings it to: {steps}", soft_wrap=True)


def _input_table(document: dict[str, Any]) -> Table:
    from cli.data_tables import table

    rows = [
        (
            row["name"],
            str(row["channels"]),
            f"{row['d_prime']:.2f}",
            f"{row['behind']:.2f} ± {2 * row['error']:.2f}",
            str(row["scenes"]),
        )
        for row in document["inputs"]
    ]
    title = f"Registered inputs: the best linear mixture of their channels, on {document['compared_scenes']} scenes"
    return table(title, ("input",), ("channels", "d'", "behind the best", "scenes that allow it"), rows)
