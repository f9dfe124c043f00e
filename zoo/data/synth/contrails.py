"""Contrails of a scene: their places, and how they drift, spread, break up and fade.

In: a number of pixels to aim at and the chance of ice. Out: contrails, and their optical depth in any frame.
Positions are (y, x) px of the labelled frame, y down; optical depth is that at 11.2 um.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zoo.data.records import SIZE
from zoo.data.synth.atmosphere import LABELLED, Winds
from zoo.data.synth.fields import Field, normal_line

STEP = 0.5  # px between the points that a line is made of
MARGIN = 24
THICKEST = 0.4  # optical depth that hardly any part of a contrail exceeds


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrail:
    """One line as it is in the labelled frame.

    points: (n, 2) px, STEP apart.  depth: (n,) optical depth on its axis.
    ragged: (n,) px, wander of the axis.
    width: px, standard deviation of its cross-section, the sensor's blur included.
    age: frames since it was made.  spread: px**2 a frame.  fade: frames in which it thins to 1 / e.
    """

    points: Field
    depth: Field
    ragged: Field
    width: float
    age: float
    spread: float
    fade: float
    wind: Winds

    @property
    def normals(self) -> Field:
        """Unit vectors across the line, (n, 2)."""
        along = np.gradient(self.points, axis=0)
        along /= np.hypot(along[:, 0], along[:, 1])[:, None]
        return np.stack([-along[:, 1], along[:, 0]], axis=1)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Air traffic of a scene: its corridors (radians), the place they share, the wind."""

    corridors: tuple[float, ...]
    strictness: float  # radians, spread about a corridor
    centre: tuple[float, float]
    reach: float  # px about the centre
    wind: Winds
    strength: float  # median optical depth
    length: float  # median px
    age: float  # mean frames


def draw_traffic(rng: np.random.Generator, wind: Winds) -> Traffic:
    """Draw the traffic of a scene."""
    first = rng.uniform(0, np.pi)
    corridors = tuple(first + rng.normal(0, 0.7) * (k > 0) for k in range(rng.integers(1, 4)))
    return Traffic(
        corridors=corridors,
        strictness=float(rng.gamma(2, 0.05)),
        centre=(float(rng.uniform(20, 236)), float(rng.uniform(20, 236))),
        reach=float(rng.uniform(25, 120)),
        wind=wind,
        strength=float(np.exp(rng.normal(np.log(0.078), 0.4))),
        length=float(np.exp(rng.normal(np.log(34), 0.35))),
        age=float(rng.uniform(2, 9)),
    )


def draw_old(rng: np.random.Generator, traffic: Traffic, count: int, clear: Field) -> list[Contrail]:
    """Draw the remains of earlier contrails: broad, ragged streaks along the same corridors."""
    lines = (_draw(rng, traffic, clear, 1.0, 1e6) for _ in range(count))
    return [_aged(rng, line) for line in lines]


def _aged(rng: np.random.Generator, line: Contrail) -> Contrail:
    n = len(line.points)
    width = float(rng.uniform(1.7, 4.5))
    tears = 0.8 * normal_line(rng, n, rng.uniform(4, 14))
    swell = normal_line(rng, n, 12) * rng.uniform(0.3, 1.5)
    return replace(
        line,
        depth=(line.depth * np.exp(tears - 0.3) * rng.uniform(0.3, 1.1)).astype(np.float32),
        ragged=(line.ragged + swell).astype(np.float32),
        width=width,
        age=line.age + 9,
    )


def draw_contrails(
    rng: np.random.Generator, traffic: Traffic, pixels: float, clear: Field, faint: float = 1.0
) -> list[Contrail]:
    """Draw contrails until their cross-sections cover about `pixels` of the scene.

    clear: (256, 256) 0..1, how well ice can be seen there;  faint: a factor on the optical depth.
    """
    contrails: list[Contrail] = []
    covered = 0.0
    while covered < pixels and len(contrails) < 80:
        contrail = _draw(rng, traffic, clear, faint, pixels - covered)
        inside = ((contrail.points >= 0) & (contrail.points < SIZE)).all(axis=1)
        covered += max(float(inside.sum()), 8.0) * STEP * 2.9
        contrails.append(contrail)
    return contrails


def _draw(rng: np.random.Generator, traffic: Traffic, clear: Field, faint: float, wanted: float) -> Contrail:
    length = float(np.clip(traffic.length * np.exp(rng.normal(0, 0.65)), 7, 260))
    # Small wishes are met by short lines, not by one that overshoots.
    length = min(length, max(8.0, 1.4 * wanted / 2.9))
    points = _line(rng, traffic, length, clear)
    n = len(points)
    age = 0.7 + rng.exponential(traffic.age)
    width = float(np.sqrt(0.6 + min(age, 12) * rng.uniform(0.03, 0.22)) * np.exp(rng.normal(0, 0.15)))
    broken = rng.uniform(0.2, 0.55 + 0.03 * age)
    puffs = normal_line(rng, n, rng.uniform(2.5, 8)) + 0.7 * normal_line(rng, n, 30)
    end = np.minimum(np.arange(n), np.arange(n)[::-1]) * STEP
    peak = traffic.strength * faint * np.exp(rng.normal(0, 0.55)) * (0.9 / width) ** 0.5
    depth = peak * np.exp(broken * puffs - broken**2 / 2) * np.minimum(1, 0.15 + end / 6)
    depth = depth / (1 + depth / THICKEST)
    return Contrail(
        points=points,
        depth=depth.astype(np.float32),
        ragged=(normal_line(rng, n, 10) * rng.uniform(0.05, 0.25 + 0.05 * min(age, 8))).astype(np.float32),
        width=width,
        age=age,
        spread=float(rng.uniform(0.04, 0.2)),
        fade=float(rng.uniform(5, 25)),
        wind=(traffic.wind[0] + rng.normal(0, 0.3), traffic.wind[1] + rng.normal(0, 0.3)),
    )


def _line(rng: np.random.Generator, traffic: Traffic, length: float, clear: Field) -> Field:
    """Points of a slightly curved line, (n, 2), its middle where ice can be seen."""
    angle = rng.choice(traffic.corridors) + rng.normal(0, traffic.strictness)
    if rng.uniform() < 0.08:
        angle = rng.uniform(0, np.pi)
    middles = np.asarray(traffic.centre) + rng.normal(0, traffic.reach, (8, 2))
    middles = np.where(np.abs(middles - 128) < 128 + 6, middles, rng.uniform(0, SIZE, (8, 2)))
    cells = np.clip(middles, 0, SIZE - 1).astype(int)
    chance = clear[cells[:, 0], cells[:, 1]] + 1e-3
    middle = middles[rng.choice(8, p=chance / chance.sum())]
    s = np.arange(0, length, STEP) - length / 2
    bend = rng.normal(0, 0.0011) * s**2 / 2
    along = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), -np.sin(angle)])
    return (middle + s[:, None] * along + bend[:, None] * across).astype(np.float32)


def optical_depth(contrails: Sequence[Contrail], frame: int) -> Field:
    """Optical depth (256, 256) at 11.2 um of all contrails in `frame`, 0 to 7."""
    splats = (_splat(contrail, frame) for contrail in contrails)
    parts = [part for part in splats if part is not None]
    if not parts:
        return np.zeros((SIZE, SIZE), np.float32)
    yx = np.concatenate([part[0] for part in parts])
    amount = np.concatenate([part[1] for part in parts])
    return _deposit(yx, amount)


def _splat(contrail: Contrail, frame: int) -> tuple[Field, Field] | None:
    """Points (m, 2) and the optical depth times area that each carries."""
    since = frame - LABELLED
    if contrail.age + since <= 0.15:
        return None
    width = np.sqrt(max(contrail.width**2 + contrail.spread * since, 0.45))
    # What spreads thins out; ice also falls and sublimates.
    thinned = contrail.width / width * np.exp(-since / contrail.fade)
    # The bilinear deposit below widens by 1/6 px**2 itself.
    own = np.sqrt(width**2 - 1 / 6)
    across = np.arange(-3.0, 3.01, max(0.25, 0.4 / own), dtype=np.float32) * own
    profile = np.exp(-(across**2) / (2 * own**2))
    profile /= profile.sum() / (width * np.sqrt(2 * np.pi))
    moved = np.asarray(contrail.wind) * since
    axis = contrail.points + moved + contrail.normals * contrail.ragged[:, None]
    yx = axis[:, None] + across[None, :, None] * contrail.normals[:, None]
    amount = contrail.depth[:, None] * np.float32(thinned * STEP) * profile
    return yx.reshape(-1, 2), amount.astype(np.float32).ravel()


def _deposit(yx: Field, amount: Field) -> Field:
    """Spread amounts bilinearly over pixels; what falls outside is lost."""
    side = SIZE + 2 * MARGIN
    yx = np.clip(yx + MARGIN, 0, side - 1.001)
    low = yx.astype(np.int32)
    part = yx - low
    total: NDArray[np.float64] = np.zeros(side * side)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dy - part[:, 0]) * np.abs(1 - dx - part[:, 1]) * amount
            total += np.bincount((low[:, 0] + dy) * side + low[:, 1] + dx, weight, side * side)
    image = total.reshape(side, side)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.ascontiguousarray(image, dtype=np.float32)
