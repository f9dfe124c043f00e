"""Simulated labelers, who draw polygons around the contrails that they notice, and do not agree.

In: contrails and the visibility of each. Out: one mask for each labeler. Masks lie as far down and to the right as the
real ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.data.label_offset import LABEL_OFFSET
from zoo.data.masks import majority
from zoo.data.records import SIZE
from zoo.data.synth.contrails import STEP, Contrail

Mask = NDArray[np.bool_]

SMALLEST = 10  # px: smaller marks are no contrail by the labelling rules


@dataclass(frozen=True, kw_only=True)
class Labeler:
    """Habits of one labeler."""

    boldness: float  # log visibility gained
    breadth: float  # a factor on widths
    care: float  # px, spread of the lines' places


def draw_labelers(rng: np.random.Generator, count: int) -> list[Labeler]:
    """Draw the labelers of a scene."""
    return [
        Labeler(
            boldness=float(rng.normal(0, 0.45)),
            breadth=float(np.exp(rng.normal(0, 0.15))),
            care=float(rng.uniform(0.18, 0.6)),
        )
        for _ in range(count)
    ]


def label(
    rng: np.random.Generator,
    contrails: Sequence[Contrail],
    visibility: Sequence[float],
    labelers: Sequence[Labeler],
    sure: bool = False,
) -> Mask:
    """Masks (256, 256, R); `visibility` is each contrail's contrast over the clutter around it.

    sure: all mark the most visible contrail if there would be no ground truth otherwise.
    """
    masks = np.zeros((SIZE, SIZE, len(labelers)), bool)
    for contrail, visible in zip(contrails, visibility):
        # Shared by all labelers: how conspicuous this one line is.
        taken = np.log(max(visible, 1e-6)) + rng.normal(0, 0.5)
        for index, labeler in enumerate(labelers):
            if rng.uniform() < 1 / (1 + np.exp(-2.6 * (taken + labeler.boldness))):
                masks[..., index] |= draw_polygon(rng, contrail, labeler)
    if sure and contrails and not majority(masks, axis=-1).any():
        best = contrails[int(np.argmax(visibility))]
        shape = draw_polygon(rng, best, labelers[0])
        masks |= shape[..., None]
    return masks


def draw_polygon(rng: np.random.Generator, contrail: Contrail, labeler: Labeler) -> Mask:
    """One labeler's polygon round one contrail, as pixels; empty if it would be too small."""
    n = len(contrail.points)
    cut = np.clip(rng.normal(0.02, 0.075, 2) * n, -6, n // 4).astype(int)
    chord = _chord(contrail, cut)
    jitter = rng.normal(0, labeler.care, 2)
    half = max(0.95, 1.18 * contrail.width * labeler.breadth * np.exp(rng.normal(0, 0.12)))
    along = np.diff(chord[[0, -1]], axis=0)[0]
    across = np.array([-along[1], along[0]]) / max(np.hypot(*along), 1e-3)
    chord = chord + np.linspace(jitter[0], jitter[1], len(chord))[:, None] * across + LABEL_OFFSET
    taper = np.minimum(1, 0.5 + np.minimum(np.arange(len(chord)), np.arange(len(chord))[::-1]) * STEP / 3)
    mask = fill(chord, across, half * taper)
    return mask if mask.sum() >= SMALLEST else np.zeros_like(mask)


def fill(axis: NDArray[np.floating], across: NDArray[np.floating], half: NDArray[np.floating]) -> Mask:
    """Pixels (256, 256) nearest to the points within `half` (n,) px of a line of points (n, 2)."""
    mask = np.zeros((SIZE, SIZE), bool)
    # Rounding to the nearest pixel widens a line by about a quarter of a pixel on either side.
    offsets = np.linspace(-1, 1, max(3, int(np.ceil(4 * half.max()))))
    points = axis[:, None] + (offsets[None, :] * (half[:, None] - 0.3))[..., None] * across
    cells = np.rint(points.reshape(-1, 2)).astype(int)
    inside = ((cells >= 0) & (cells < SIZE)).all(axis=1)
    mask[cells[inside, 0], cells[inside, 1]] = True
    return mask


def _chord(contrail: Contrail, cut: NDArray[np.int_]) -> NDArray[np.float64]:
    """Line as labelers draw it: straight pieces between a few corners, cut or drawn on at its ends."""
    points = contrail.points.astype(np.float64)
    n = len(points)
    corners = np.unique(np.linspace(max(cut[0], 0), n - 1 - max(cut[1], 0), 2 + n // 160).astype(int))
    where = points[corners]
    run = np.hypot(*np.diff(where, axis=0).T).cumsum()
    first, last = min(cut[0], 0) * STEP, run[-1] - min(cut[1], 0) * STEP
    s = np.arange(first, last, STEP)
    known = np.concatenate([[0.0], run])
    drawn = np.stack([np.interp(s, known, where[:, k]) for k in (0, 1)], axis=1)
    for k, end in ((0, s < 0), (-1, s > run[-1])):
        way = (where[k] - where[1 if k == 0 else -2]) / max(known[1] if k == 0 else run[-1] - known[-2], 1e-3)
        beyond = -s[end] if k == 0 else s[end] - run[-1]
        drawn[end] = where[k] + beyond[:, None] * way
    return drawn
