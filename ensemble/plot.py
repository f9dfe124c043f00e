"""Plot of a fit: Dice against threshold with its error band, Dice over (threshold, k), weights.

In: a `Fit`. Out: a PNG, as bytes. matplotlib is imported when a plot is drawn.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts
from core.thresholds import threshold_text
from core.uncertainty import interval_text, standard_error
from core.words import counted
from ensemble.blend import TOTAL
from ensemble.counts import Choice
from ensemble.fitting import Fit
from ensemble.surface import Cut, dice_of
from ensemble.warnings import DROP, dice_curve, plateau

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND_POINTS = 60  # thresholds at which the width of the band is computed
INK, SOFT, ACCENT, OTHER = "#1b2a41", "#b9c4d6", "#c8553d", "#5f7a9c"


def draw(fit: Fit, name: str) -> bytes:
    """Draw the plots of a fit as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(fit.active.members)
    figure = Figure(figsize=(14, 4.6 + 0.12 * max(0, rows - 8)), layout="constrained", dpi=110)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3, width_ratios=(1.15, 1.15, 1))
    _curve(axes[0], fit)
    _heat(axes[1], fit)
    _weights(axes[2], fit)
    figure.suptitle(title(fit, name), color=INK, fontsize=11)
    file = io.BytesIO()
    canvas.print_png(file)
    return file.getvalue()


def title(fit: Fit, name: str) -> str:
    """Write the Dice, its records and its interval in one line."""
    estimate = fit.estimate(fit.result.counts)
    kind = "in-sample" if fit.result.crossed is None else "cross-fitted"
    inside = Counts.of(fit.result.in_sample).dice
    also = "" if fit.result.crossed is None else f"; in-sample {inside:.4f}"
    return (
        f"{name}: {kind} Dice {estimate.value:.4f}  {interval_text(estimate.interval)}{also}; "
        f"{counted(len(fit.active.record_ids), 'record')}, {counted(len(fit.active.folds), 'fold')}"
    )


def _curve(axes: Axes, fit: Fit) -> None:
    choice = fit.result.choice
    where, dice = dice_curve(fit, choice)
    low, high = plateau(fit)
    axes.axvspan(low, high, color=SOFT, alpha=0.35, lw=0, label=f"plateau: less than {DROP} lost")
    points, error = _band(fit, choice, where)
    center = np.interp(points, where, dice)
    axes.fill_between(
        points,
        center - 2 * error,
        center + 2 * error,
        color=OTHER,
        alpha=0.25,
        lw=0,
        label="± 2 standard errors",
    )
    highest = float(np.max(dice))
    for scored in fit.members if len(fit.members) <= 12 else ():
        curve = dice_curve(fit, scored.choice)
        axes.plot(*curve, color=SOFT, lw=1)
        highest = max(highest, float(np.max(curve[1])))
    axes.plot(where, dice, color=INK, lw=2, label="ensemble")
    if len(fit.members) <= 12:
        axes.plot([], [], color=SOFT, lw=1, label="members, without min-pixels")
    axes.axvline(choice.threshold, color=ACCENT, lw=1.5, label=f"chosen: {threshold_text(choice.threshold, 3)}")
    for index, fold in enumerate(() if fit.result.crossed is None else fit.result.crossed.choices):
        axes.plot(
            fold.threshold,
            0.02,
            "|",
            color=ACCENT,
            ms=12,
            mew=2,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
            label=None if index else "chosen without a fold",
        )
    top = max(float(np.max(center + 2 * error)), highest, 0.01)
    axes.set(xlabel="threshold (probability)", ylabel="Dice, in-sample", xlim=(0, 1), ylim=(0, min(1, top * 1.05)))
    axes.set_title("Dice against threshold", fontsize=10)
    axes.legend(fontsize=7, loc="best")
    _plain(axes)


def _band(fit: Fit, choice: Choice, where: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the standard error of the Dice at some of the thresholds."""
    rows = np.unique(np.linspace(0, len(where) - 1, BAND_POINTS).astype(int))
    floor = fit.counts.floor(choice.blend)
    errors = []
    for row in rows:
        cut = Cut(int(row) + floor, choice.cut.mode, choice.cut.k)
        errors.append(standard_error(fit.counts.records(Choice(choice.blend, cut)), fit.counts.groups))
    return where[rows], np.array(errors)


def _heat(axes: Axes, fit: Fit) -> None:
    choice = fit.result.choice
    mode = choice.cut.mode if choice.cut.mode != "none" else "component"
    floor = fit.counts.floor(choice.blend)
    counts = fit.counts.total(choice.blend, mode)[floor:]
    dice = dice_of(counts, int(fit.active.truth.sum()))
    best = float(dice.max())
    edges = np.array([choice.blend.probability(row) for row in range(floor, floor + len(dice))])
    sizes = np.arange(max(60, min(dice.shape[1] - 1, 3 * choice.cut.k)) + 1.0)
    mesh = axes.pcolormesh(
        edges,
        sizes,
        dice[:, : len(sizes)].T,
        cmap="viridis",
        vmin=max(0.0, best - 0.1),
        vmax=best,
        shading="nearest",
        rasterized=True,
    )
    axes.plot(choice.threshold, choice.cut.k, "o", mfc="none", mec=ACCENT, ms=9, mew=2, clip_on=False)
    axes.figure.colorbar(mesh, ax=axes, label="Dice, in-sample", extend="min")
    chosen = "none is used" if choice.cut.mode == "none" else choice.cut.k
    axes.set_title(f"Min-pixels per {mode} ({chosen})", fontsize=10)
    axes.set(xlabel="threshold (probability)", ylabel="k (pixels)", xlim=(0, 1), ylim=(0, sizes[-1]))


def _weights(axes: Axes, fit: Fit) -> None:
    weights = np.array(fit.result.choice.blend.weights) / TOTAL
    order = np.argsort(weights, kind="stable")
    names = [fit.active.members[index] for index in order]
    axes.barh(range(len(order)), weights[order], color=OTHER)
    for row, index in enumerate(order):
        scored = fit.members[index]
        kind = "in-sample" if scored.crossed is None else "cross-fitted"
        text = f"{weights[index]:.3f}  (alone {Counts.of(scored.counts).dice:.3f})"
        axes.text(weights[index] + 0.01, row, text, va="center", fontsize=8, color=INK)
    axes.set_yticks(range(len(order)), names, fontsize=8)
    axes.set(xlabel="weight", xlim=(0, weights.max() * 1.6), xticks=np.linspace(0, weights.max(), 3).round(2))
    axes.set_title(f"Weights ({fit.strategy.title}), {kind} Dice alone", fontsize=10)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
