"""One synthetic scene from one seed: its sky, its contrails, its bands and its labels.

In: a seed, a split, a place in the data set. Out: arrays in memory. No file is touched here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zoo.data.masks import majority
from zoo.data.records import FRAMES, SIZE, SPLITS
from zoo.data.synth import atmosphere as air
from zoo.data.synth.contrails import Contrail, draw_contrails, draw_old, draw_traffic, optical_depth
from zoo.data.synth.fields import Field
from zoo.data.synth.labelers import Mask, draw_labelers, label

# Measured on all 22,385 real records: contrail pixels of the positive scenes, and the share of those.
PERCENT = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100)
PIXELS = {
    "train": (10, 19, 43, 66, 148, 404, 1009, 2011, 2744, 4738, 9000),
    "validation": (9, 16, 32, 47, 88, 203, 479, 1035, 1467, 2386, 4962),
}
POSITIVE = {"train": 0.451, "validation": 0.297}

GOLDEN = (5**0.5 - 1) / 2
NOISE = 384  # px of a sheet of noise from which every frame takes a part of its own
SEEN, UNSEEN = 1.1, 0.45  # visibility that labelled contrails mostly have, and that others rarely exceed


@dataclass(frozen=True, kw_only=True)
class ScenePlan:
    """Plan of scene number `index` of a split; the same whatever else is made with it."""

    seed: int
    split: str
    index: int

    @cached_property
    def rng(self) -> np.random.Generator:
        """New generator of this scene alone."""
        return np.random.default_rng([self.seed, SPLITS.index(self.split), self.index])

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """Eight coordinates in 0..1 that fill their cube evenly over the scenes of a split."""
        # Fractions of the square roots of primes: evenly spread for any number of scenes.
        rates = np.sqrt([2, 3, 7, 11, 13, 17, 19, 23]) % 1
        return (self._first[:8] + self.index * rates) % 1

    @property
    def _first(self) -> NDArray[np.float64]:
        return np.random.default_rng([self.seed, SPLITS.index(self.split), 2**20]).uniform(size=10)

    @property
    def pixels(self) -> float:
        """Contrail pixels to aim at; 0 in a scene without contrails."""
        like = "train" if self.split == "train" else "validation"
        # The multiples of the golden ratio are the most even sequence: of scenes, and of the positive ones.
        positive = (self._first[8] + np.arange(self.index + 1) * GOLDEN) % 1 < POSITIVE[like]
        if not positive[-1]:
            return 0.0
        rank = (self._first[9] + positive.sum() * GOLDEN) % 1
        return float(np.exp(np.interp(100 * rank, PERCENT, np.log(PIXELS[like]))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Finished scene; `bands()` gives one band at a time, so that memory stays small.

    individual: bool (256, 256, R).  truth: bool (256, 256), more than half of the labelers.
    """

    climate: air.Climate
    states: Sequence[air.State]
    contrails: Sequence[Contrail]
    noise: Field
    noise_seed: int
    contrail_ice: float
    individual: Mask
    truth: Mask

    def bands(self) -> Iterator[tuple[int, Field]]:
        """Band number and kelvin (256, 256, 8) float32, bands 8 to 16."""
        rng = np.random.default_rng(self.noise_seed)
        depths = [optical_depth(self.contrails, frame) for frame in range(FRAMES)]
        for number in air.BANDS:
            frames = [self._frame(rng, number, state, depth) for state, depth in zip(self.states, depths)]
            yield number, np.ascontiguousarray(np.stack(frames, axis=-1), dtype=np.float32)

    def _frame(self, rng: np.random.Generator, number: int, state: air.State, depth: Field) -> Field:
        band = air.BANDS[number]
        sky = air.radiance(state, number, self.climate)
        sky = add_contrails(sky, depth, number, self.contrail_ice)
        top, left = rng.integers(0, NOISE - SIZE, 2)
        # The sensor's noise is one of radiance: what is 0.04 K at 300 K is several times that on cold tops.
        per_kelvin = air.planck(np.float32(300), band.wavelength) * air.HC_OVER_K / band.wavelength / 300**2
        sky += np.float32(band.noise * per_kelvin) * self.noise[top : top + SIZE, left : left + SIZE]
        floor = air.planck(np.float32(183), band.wavelength)
        return air.kelvin_of(np.maximum(sky, floor), band.wavelength)


def add_contrails(sky: Field, depth: Field, number: int, kelvin: float) -> Field:
    """Radiance (256, 256) with contrails of optical depth `depth` and temperature `kelvin` on top."""
    if not depth.any():
        return sky
    opaque = 1 - np.exp(-np.float32(air.BANDS[number].young) * depth)
    return sky + opaque * (air.ice_radiance(number, kelvin) - sky)


def make_scene(plan: ScenePlan) -> Scene:
    """Make the scene that `plan` describes."""
    rng = plan.rng
    climate = air.draw_climate(rng, plan.spread, plan.pixels > 0)
    world = air.Atmosphere(rng, climate)
    states = [world.state(frame) for frame in range(FRAMES)]
    ice = float(rng.uniform(214, 226))
    contrails, visibility = _fly(rng, plan, climate, states[air.LABELLED], ice)
    labelers = draw_labelers(rng, 6 if rng.uniform() < 0.11 else 4)
    masks = label(rng, contrails, visibility, labelers, sure=plan.pixels > 0)
    masks = _as_planned(plan, masks)
    noise = ndimage.gaussian_filter(rng.standard_normal((NOISE, NOISE), dtype=np.float32), 0.45, mode="wrap")
    return Scene(
        climate=climate,
        states=states,
        contrails=contrails,
        noise=noise / noise.std(),
        noise_seed=int(rng.integers(2**63)),
        contrail_ice=ice,
        individual=masks,
        truth=majority(masks, axis=-1),
    )


def _fly(
    rng: np.random.Generator, plan: ScenePlan, climate: air.Climate, state: air.State, ice: float
) -> tuple[list[Contrail], list[float]]:
    """Contrails, enough bright ones for the plan and faint ones besides, and the visibility of each."""
    below = air.radiance(state, 14, climate)
    split = air.kelvin_of(below, 11.2) - air.kelvin_of(air.radiance(state, 15, climate), 12.3)
    clutter = _clutter(split)
    room: Field = np.square(np.clip((air.kelvin_of(below, 11.2) - ice) / 60, 0, 1), dtype=np.float32)
    traffic = draw_traffic(rng, climate.high_wind)
    ice_near = ndimage.gaussian_filter(state.tau, 5)
    # Contrails last where ice does: at the edges of cirrus more than under a clear sky.
    chance: Field = np.divide(room, np.sqrt(clutter)) * (np.float32(0.35) + ice_near / (ice_near + np.float32(0.08)))
    contrails = draw_contrails(rng, traffic, 1.75 * plan.pixels, chance) if plan.pixels else []
    bright = len(contrails)
    more = rng.gamma(0.6, 120 if bright else 60)
    contrails += draw_contrails(rng, traffic, more, room, faint=0.3) if more > 15 else []
    visibility = [_visible(contrail, room, clutter) for contrail in contrails]
    contrails, visibility = _adjust(contrails, visibility, bright)
    old = draw_old(rng, traffic, _old_count(rng, bright), chance)
    # Broad streaks are seen less, and not taken for contrails where they are.
    dim = [0.2 * _visible(streak, room, clutter) / streak.width for streak in old]
    return contrails + old, visibility + dim


def _old_count(rng: np.random.Generator, bright: int) -> int:
    """Number of old streaks beside `bright` contrails."""
    if not bright and rng.uniform() < 0.6:
        return 0
    return int(min(rng.poisson((2 + bright) * rng.gamma(1.5, 0.4)), 40))


def _adjust(
    contrails: Sequence[Contrail], visibility: Sequence[float], bright: int
) -> tuple[list[Contrail], list[float]]:
    """Thicken the first `bright` contrails until they can be seen, within limits, and thin the others."""
    wanted = [max(v, min(SEEN, 2.2 * v)) for v in visibility[:bright]]
    wanted += [min(v, UNSEEN) for v in visibility[bright:]]
    scales = [np.float32(new / max(old, 1e-3)) for new, old in zip(wanted, visibility)]
    return [replace(each, depth=each.depth * scale) for each, scale in zip(contrails, scales)], wanted


def _clutter(split: Field) -> Field:
    """Spread of T14 - T15 around each pixel (256, 256), kelvin, large structures left out."""
    rough = split - ndimage.gaussian_filter(split, 4)
    spread: Field = np.sqrt(ndimage.gaussian_filter(rough**2, 8)) + np.float32(0.06)
    return spread


def _visible(contrail: Contrail, room: Field, clutter: Field) -> float:
    """Contrast in T14 - T15 over the clutter around, about 1 where half of the labelers see the line."""
    cells = np.clip(contrail.points, 0, SIZE - 1).astype(int)
    contrast = 6.0 * contrail.depth * np.sqrt(room[cells[:, 0], cells[:, 1]])
    return float(np.median(contrast / clutter[cells[:, 0], cells[:, 1]]) / 0.75)


def _as_planned(plan: ScenePlan, masks: Mask) -> Mask:
    """Masks without the marks that would make a scene positive though it is planned as negative."""
    if plan.pixels or not majority(masks, axis=-1).any():
        return masks
    # The marks of one labeler are no majority; real records without contrails hold such marks too.
    alone = masks.copy()
    alone[..., 1:] = False
    return alone
