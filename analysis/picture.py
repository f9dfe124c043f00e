"""Picture of one record's errors: ash colour, truth, labelers, probability, and which pixels are right and wrong.

In: arrays. Out: a PNG, as bytes. matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from analysis.masks import Mask

RIGHT, FALSE, MISSED = (0.2, 0.8, 0.3), (0.95, 0.3, 0.1), (0.25, 0.6, 1.0)
PANEL, DPI = 3.4, 150  # inches


def draw_record(
    title: str,
    predicted: Mask,
    truth: Mask,
    probability: NDArray[np.float32],
    ash: NDArray[np.float32] | None = None,
    labelers: NDArray[np.bool_] | None = None,
) -> bytes:
    """Draw a record as a row of panels.

    predicted, truth: (H, W) bool; probability: (H, W) in 0..1
    ash: (3, H, W) in 0..1, if known; labelers: (R, H, W) bool, if known
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [("truth", truth.astype(np.float32))]
    if ash is not None:
        panels.insert(0, ("ash colour", np.moveaxis(ash, 0, -1)))
    if labelers is not None:
        panels.append((f"share of {len(labelers)} labelers", labelers.mean(axis=0)))
    panels.append(("probability", probability))
    panels.append(("right green, false red, missed blue", overlay(predicted, truth, ash)))
    figure = Figure(figsize=(PANEL * len(panels), PANEL + 0.6), layout="constrained", dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    for axis, (name, picture) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    figure.suptitle(title, fontsize=10)
    file = io.BytesIO()
    canvas.print_png(file)
    return file.getvalue()


def overlay(predicted: Mask, truth: Mask, ash: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Colour right, false and missed pixels on the scene in grey: (H, W, 3) in 0..1."""
    grey = np.zeros(truth.shape, np.float32) if ash is None else 0.6 * ash.mean(axis=0)
    picture = np.repeat(grey[..., None], 3, axis=-1)
    for where, colour in ((predicted & truth, RIGHT), (predicted & ~truth, FALSE), (truth & ~predicted, MISSED)):
        picture[where] = colour
    return picture.astype(np.float32)
