"""Landscape of a choice: its in-sample Dice at other thresholds and min-pixels, and the error of that Dice.

In: counts, a choice. Out: curves and a surface, which the plot and the report draw. Stays outside: drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.uncertainty import standard_error
from ensemble.blend import BINS, Blend, table
from ensemble.counts import BlendCounts, Choice
from ensemble.min_pixels import NONE
from ensemble.model import Ensemble
from ensemble.out_of_fold import OutOfFold, gather
from ensemble.surface import Cut, dice_of

BAND_POINTS = 60  # thresholds at which the standard error is computed
DROP = 0.005  # Dice that the plateau may lose
LEAST_SIZES = 60  # min-pixels that a surface shows at least
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Landscape:
    """In-sample Dice around a choice.

    thresholds, dice: (t,) at the choice's min-pixels; points, error: (b,) some of the thresholds, standard error there
    plateau: thresholds around the choice between which less than `DROP` is lost
    mode, sizes, surface: the choice's min-pixels mode, or component; (k,) pixels; (t, k) Dice
    """

    choice: Choice
    thresholds: Floats
    dice: Floats
    points: Floats
    error: Floats
    plateau: tuple[float, float]
    mode: str
    sizes: NDArray[np.int64]
    surface: Floats


def landscape(counts: BlendCounts, choice: Choice) -> Landscape:
    """Compute the landscape of a choice."""
    thresholds, dice = dice_curve(counts, choice)
    points, error = _error(counts, choice, thresholds)
    mode, sizes, surface = _surface(counts, choice)
    return Landscape(choice, thresholds, dice, points, error, plateau(counts, choice), mode, sizes, surface)


def landscape_of(ensemble: Ensemble, records: OutOfFold, jobs: int | None = None) -> Landscape:
    """Compute the landscape of a frozen ensemble from the out-of-fold maps of its members with a weight.

    records: of these members alone, in their order
    """
    groups = [records.group_of[record] for record in records.record_ids]
    counts = BlendCounts(gather(records, ensemble.eps), groups, jobs)
    cut = Cut(ensemble.level >> table(ensemble.table).shift, ensemble.mode, ensemble.k)
    return landscape(counts, Choice(Blend(tuple(ensemble.weights.values()), ensemble.table), cut))


def dice_curve(counts: BlendCounts, choice: Choice) -> tuple[Floats, Floats]:
    """Compute the in-sample Dice at every threshold, at the choice's own min-pixels: thresholds, Dice."""
    floor = counts.floor(choice.blend)
    found = counts.total(choice.blend, choice.cut.mode)
    if choice.cut.mode != NONE:
        found = found[:, choice.cut.k]
    where = np.array([choice.blend.probability(row) for row in range(floor, BINS)])
    return where, dice_of(found[floor:], int(counts.active.truth.sum()))


def plateau(counts: BlendCounts, choice: Choice) -> tuple[float, float]:
    """Find the thresholds around the chosen one between which the in-sample Dice loses less than `DROP`."""
    where, dice = dice_curve(counts, choice)
    chosen = int(np.argmin(np.abs(where - choice.threshold)))
    low = high = chosen
    while low > 0 and dice[low - 1] >= dice[chosen] - DROP:
        low -= 1
    while high < len(dice) - 1 and dice[high + 1] >= dice[chosen] - DROP:
        high += 1
    return float(where[low]), float(where[high])


def _error(counts: BlendCounts, choice: Choice, where: Floats) -> tuple[Floats, Floats]:
    """Compute the standard error of the Dice at some of the thresholds."""
    rows = np.unique(np.linspace(0, len(where) - 1, BAND_POINTS).astype(int))
    floor = counts.floor(choice.blend)
    errors = []
    for row in rows:
        cut = Cut(int(row) + floor, choice.cut.mode, choice.cut.k)
        errors.append(standard_error(counts.records(Choice(choice.blend, cut)), counts.groups))
    return where[rows], np.array(errors)


def _surface(counts: BlendCounts, choice: Choice) -> tuple[str, NDArray[np.int64], Floats]:
    mode = choice.cut.mode if choice.cut.mode != NONE else "component"
    found = counts.total(choice.blend, mode)[counts.floor(choice.blend) :]
    sizes = np.arange(max(LEAST_SIZES, min(found.shape[1] - 1, 3 * choice.cut.k)) + 1)
    return mode, sizes, dice_of(found[:, : len(sizes)], int(counts.active.truth.sum()))
