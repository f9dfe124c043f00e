"""Scales of charts: from values to pixels, round ticks, paths and colours as text.

In: numbers. Out: SVG attributes. Stays outside: templates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 2.5, 5, 10)
# Dark to light in even steps of lightness: anchors of matplotlib's viridis.
ANCHORS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


@dataclass(frozen=True)
class Scale:
    """Straight map from values, `low` to `high`, to pixels, `start` to `stop`."""

    low: float
    high: float
    start: float
    stop: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, stop: float, least: float = 0.0) -> Scale:
        """Scale that holds all finite values, with a margin of 4 %; at least `least` wide."""
        known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(known), max(known)
        margin = 0.04 * (high - low) + max(0.0, least - (high - low)) / 2
        margin = margin or 0.05
        return cls(low - margin, high + margin, start, stop)

    def at(self, value: float) -> float:
        """Pixel of a value, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)

    def ticks(self, count: int = 5, whole: bool = False) -> list[tuple[float, str]]:
        """Round values within the scale, about `count`, with their text; whole: integers alone."""
        rough = max((self.high - self.low) / count, 1.0 if whole else 0.0)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(
            factor * power
            for factor in STEPS
            if factor * power >= rough * (1 - 1e-9) and not (whole and factor * power % 1)
        )
        digits = max(0, -math.floor(math.log10(step)) + (round(step / power, 1) == 2.5))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [(number * step, f"{number * step + 0.0:.{digits}f}") for number in range(first, last + 1)]


def line_path(points: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    """Path through points; a point that is not finite leaves a gap, and one alone is a dot."""
    words, pen, end = [], "M", "h0"
    for here, there in points:
        if not math.isfinite(there):
            pen, end = "M", "h0"
            continue
        words.append(f"{pen}{x.at(here):g} {y.at(there):g}{end}")
        pen, end = "L", ""
    return "".join(words)


def band_path(points: Sequence[tuple[float, float, float]], x: Scale, y: Scale) -> str:
    """Closed path around a band, clipped to the scale."""
    upper = [(here, min(high, y.high)) for here, _, high in points]
    lower = [(here, max(low, y.low)) for here, low, _ in reversed(points)]
    return line_path([*upper, *lower], x, y) + "Z" if points else ""


def colour(share: float) -> str:
    """Colour of a share in 0 to 1, as #rrggbb."""
    at = min(max(share, 0.0), 1.0) * (len(ANCHORS) - 1)
    first = min(int(at), len(ANCHORS) - 2)
    mixed = (round(a + (b - a) * (at - first)) for a, b in zip(ANCHORS[first], ANCHORS[first + 1]))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def ink_on(background: str) -> str:
    """Black or white, whichever has the higher contrast on a colour (WCAG 2)."""
    return "#000000" if contrast("#000000", background) >= contrast("#ffffff", background) else "#ffffff"


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(hexed: str) -> float:
    parts = [int(hexed[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
