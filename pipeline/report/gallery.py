"""Section of the report: pictures of the worst, median and best records, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analysis import ErrorReport, RecordErrors
from analysis.picture import FALSE, MISSED, RIGHT
from core.errors import UserError
from pipeline.errors import HeldOut
from pipeline.report.asked import Asked
from webpage import Gallery, Layer, Scene
from webpage.blocks import Block
from webpage.pictures import Colour, outline, photo, shade, stencil
from zoo.data import LABELLED, Record
from zoo.data.ash import ASH_BANDS, ash_image

WORST, MIDDLE, BEST = 8, 4, 4  # records of each group
MINUTES = 10  # between frames
TRUTH, PROBABILITY = (1.0, 1.0, 1.0), (1.0, 0.9, 0.2)
# Colours of labelers, told apart on ash and by most colour-blind people (Okabe and Ito 2008).
LABELERS = ((0.9, 0.62, 0.0), (0.34, 0.71, 0.91), (0.94, 0.89, 0.26), (0.8, 0.47, 0.65), (0.0, 0.62, 0.45))
BASE = Layer("ash", "ash colour", "linear-gradient(45deg,#c86a9b,#5f9ea0)", shown=True)


def blocks(asked: Asked) -> list[Block]:
    """Draw records; UserError without scenes or predictions."""
    report, held_out = asked.errors, asked.held_out
    groups = {
        title: [_scene(held_out, errors) for errors in chosen] for title, chosen in _chosen(report).items() if chosen
    }
    if not groups:
        raise UserError(f"{report.name}: no record has a contrail or a wrong pixel")
    shown = {name for scenes in groups.values() for scene in scenes for name in scene.layers}
    layers = [layer for layer in _layers() if layer.name in shown]
    return [Gallery("Layers", BASE, layers, groups)]


def _chosen(report: ErrorReport) -> Mapping[str, Sequence[RecordErrors]]:
    """Records with the most wrong pixels, of those with contrails the best Dice, and of the others the median Dice.

    Of few records, one with large contrails may have both a good Dice and many wrong pixels.
    """
    ranked = sorted((one for one in report.records if one.truth), key=lambda one: (-one.dice, one.record_id))
    worst, best = report.worst(WORST), ranked[:BEST]
    apart = {one.record_id for one in (*worst, *best)}
    rest = [one for one in ranked if one.record_id not in apart]
    middle = max(0, (len(rest) - MIDDLE) // 2)
    return {"Most wrong pixels": worst, "Around the median Dice": rest[middle : middle + MIDDLE], "Best Dice": best}


def _layers() -> list[Layer]:
    """Layers of a scene, the lowest first."""
    labelers = [Layer(f"labeler{n}", f"labeler {n}", _css(colour)) for n, colour in _labelers(len(LABELERS) * 2)]
    return [
        Layer("probability", "probability", _css(PROBABILITY)),
        Layer("right", "right", _css(RIGHT), shown=True),
        Layer("false", "false", _css(FALSE), shown=True),
        Layer("missed", "missed", _css(MISSED), shown=True),
        Layer("truth", "truth (outline)", _css(TRUTH)),
        *labelers,
    ]


def _labelers(number: int) -> list[tuple[int, Colour]]:
    return [(place + 1, LABELERS[place % len(LABELERS)]) for place in range(number)]


def _scene(held_out: HeldOut, errors: RecordErrors) -> Scene:
    scenes, ids = held_out.labels.scenes, (errors.record_id,)
    record = scenes.record(errors.record_id)
    truth, predicted = scenes.mask(record), held_out.masks(ids)[0]
    layers = {
        "probability": shade(held_out.probabilities(ids)[0], PROBABILITY),
        "right": stencil(predicted & truth, RIGHT),
        "false": stencil(predicted & ~truth, FALSE),
        "missed": stencil(truth & ~predicted, MISSED),
        "truth": outline(truth, TRUTH),
    }
    marks = scenes.source(record).labelers(record)
    for (number, colour), mask in zip(_labelers(len(LABELERS) * 2), () if marks is None else marks):
        layers[f"labeler{number}"] = outline(mask, colour)
    frames, shown = _frames(held_out, record)
    false, missed = errors.predicted - errors.tp, errors.truth - errors.tp
    known = f", {len(marks)} labelers" if marks is not None else ""
    facts = f"Dice {errors.dice:.3f}: {errors.tp:,} pixels right, {false:,} false, {missed:,} missed{known}"
    return Scene(record.id, facts, f"Record {record.id}. {facts}.", frames, shown, layers)


def _frames(held_out: HeldOut, record: Record) -> tuple[list[tuple[str, str]], int]:
    """Ash pictures of the frames that the record holds, and the index of the labelled one; none without the bands."""
    source = held_out.labels.scenes.source(record)
    if not set(ASH_BANDS) <= set(source.bands(record)):
        return [], 0
    held = source.frames(record, ASH_BANDS)
    pictures = np.moveaxis(ash_image(source.kelvin(record, ASH_BANDS, held)), 0, -1)
    return [(_frame_title(frame), photo(each)) for frame, each in zip(held, pictures)], held.index(LABELLED)


def _frame_title(frame: int) -> str:
    minutes = (frame - LABELLED) * MINUTES
    return f"t{frame}, labelled" if not minutes else f"t{frame}, {minutes:+d} min"


def _css(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
