"""Section of the report: learning curves of every run, by fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.command import Command
from core.errors import UserError
from pipeline.report.asked import Asked
from webpage import Line, LineChart, Text
from webpage.blocks import Block, Point
from zoo.runs import Ref, RunPlace
from zoo.runs.epochs import Epoch, read_all_epochs

Curve = tuple[RunPlace, list[Epoch]]
DICE = "Dice on the held-out fold, at its best threshold there; circles are the epochs whose weights are kept."
LOSS = "Training loss of the same runs."


def blocks(asked: Asked) -> list[Block]:
    """Draw held-out Dice and training loss of each recipe; UserError if no run has an epoch."""
    curves = {ref: found for ref in _recipes(asked) if (found := _curves(asked, ref))}
    if not curves:
        what = f"no run in {asked.store} has an epoch"
        raise UserError(what, Command("zoo train", fold="all"))
    held_out = [_held_out(ref, found) for ref, found in curves.items()]
    losses = [_losses(ref, found) for ref, found in curves.items()]
    return [Text(DICE), *(chart for chart in held_out if chart), Text(LOSS), *losses]


def _recipes(asked: Asked) -> Iterator[Ref]:
    for member in asked.store.trained_members():
        for recipe in asked.store.recipes(member):
            yield Ref(member, recipe)


def _curves(asked: Asked, ref: Ref) -> list[Curve]:
    """Epochs of the runs of a recipe that have any; a damaged one is a note."""
    found = []
    for place in asked.store.runs(ref):
        try:
            epochs = read_all_epochs(place)
        except UserError as error:
            asked.listener.note(f"left out of the curves: {error.what}", error.do)
            continue
        if epochs:
            found.append((place, epochs))
    return found


def _held_out(ref: Ref, curves: Sequence[Curve]) -> LineChart | None:
    """Chart of the Dice; None if no epoch was scored, as of runs that hold nothing out."""
    lines = [Line(_title(place), _points(epochs, "dice"), dot=_chosen(place, epochs)) for place, epochs in curves]
    scored = any(line.points for line in lines)
    return LineChart(str(ref), "epoch", "held-out Dice", lines, dots="epoch that is kept") if scored else None


def _losses(ref: Ref, curves: Sequence[Curve]) -> LineChart:
    lines = [Line(_title(place), _points(epochs, "loss")) for place, epochs in curves]
    return LineChart(str(ref), "epoch", "training loss", lines)


def _title(place: RunPlace) -> str:
    return f"fold {place.name.words}"


def _points(epochs: Sequence[Epoch], key: str) -> list[Point]:
    """Points of a curve over the epochs of all stages together."""
    values = [(number, getattr(epoch, key)) for number, epoch in enumerate(epochs, 1)]
    return [(float(number), value) for number, value in values if value is not None]


def _chosen(place: RunPlace, epochs: Sequence[Epoch]) -> Point | None:
    """Epoch of the last stage whose weights the run keeps; None if it has not ended or names none."""
    try:
        best = place.read_result().get("best_epoch") if place.result.exists() else None
    except UserError:
        return None
    found = ((number, epoch) for number, epoch in enumerate(epochs, 1) if epoch.stage == epochs[-1].stage)
    kept = ((float(number), epoch.dice) for number, epoch in found if epoch.epoch == best)
    return next(((number, dice) for number, dice in kept if dice is not None), None)
