"""Plot of a fit: Dice against threshold with its error band, Dice over (threshold, k), weights.

In: a `Fit`. Out: a PNG, as bytes. matplotlib is imported when a plot is drawn.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from core.dice import Counts
from core.thresholds import threshold_text
from core.uncertainty import interval_text
from core.words import counted
from ensemble.blend import TOTAL
from ensemble.fitting import Fit
from ensemble.landscape import DROP, Landscape, dice_curve, landscape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, ACCENT, OTHER = "#1b2a41", "#b9c4d6", "#c8553d", "#5f7a9c"


def draw(fit: Fit, name: str) -> bytes:
    """Draw the plots of a fit as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(fit.active.members)
    figure = Figure(figsize=(14, 4.6 + 0.12 * max(0, rows - 8)), layout="constrained", dpi=110)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3, width_ratios=(1.15, 1.15, 1))
    shown = landscape(fit.counts, fit.result.choice)
    _curve(axes[0], fit, shown)
    _heat(axes[1], shown)
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


def _curve(axes: Axes, fit: Fit, shown: Landscape) -> None:
    choice, where, dice = shown.choice, shown.thresholds, shown.dice
    axes.axvspan(*shown.plateau, color=SOFT, alpha=0.35, lw=0, label=f"plateau: less than {DROP} lost")
    points, error = shown.points, shown.error
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
        curve = dice_curve(fit.counts, scored.choice)
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
    used = where[dice >= highest / 2]  # where the Dice is at least half the best: the range that matters
    left, right = (float(used.min()), float(used.max())) if used.size else (0.0, 1.0)
    left, right = min(left, choice.threshold) - 0.02, max(right, choice.threshold) + 0.02
    axes.set(xlabel="threshold (probability)", ylabel="Dice, in-sample")
    axes.set(xlim=(max(0.0, left), min(1.0, right)), ylim=(highest / 2, min(1, top * 1.05)))
    axes.set_title("Dice against threshold", fontsize=10)
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
    _plain(axes)


def _heat(axes: Axes, shown: Landscape) -> None:
    choice, dice, sizes = shown.choice, shown.surface, shown.sizes
    best = float(dice.max())
    mesh = axes.pcolormesh(
        shown.thresholds,
        sizes,
        dice.T,
        cmap="viridis",
        vmin=max(0.0, best - 0.1),
        vmax=best,
        shading="nearest",
        rasterized=True,
    )
    axes.plot(choice.threshold, choice.cut.k, "o", mfc="none", mec=ACCENT, ms=9, mew=2, clip_on=False)
    axes.figure.colorbar(mesh, ax=axes, label="Dice, in-sample", extend="min")
    chosen = "none is used" if choice.cut.mode == "none" else choice.cut.k
    axes.set_title(f"Min-pixels per {shown.mode} ({chosen})", fontsize=10)
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
