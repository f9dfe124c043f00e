"""Atmosphere of a scene below its contrails, and the brightness temperatures that reach the satellite.

In: a climate (scalars) and random fields. Out: per frame the skin that the window bands see, the ice above
it, and from both nine bands by a split-window emission model: each ice layer lets exp(-k tau) of the Planck
radiance below through and adds its own. Kelvin, wavelengths in micrometres, displacements in px per frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.data import records
from zoo.data.synth.fields import CANVAS, Field, blur, fronts, logistic, power_law, step, window

LABELLED = records.LABELLED - 1  # index of the labelled frame
HC_OVER_K = 14387.8  # um K, the second radiation constant

Winds = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Band:
    """Response of one band to a scene.

    ice, young: absorption relative to 11.2 um by ice of cirrus and of contrails, whose small crystals absorb
    more at 12.3 and less at 8.4 um.
    vapour: kelvin by which a clear path is colder than at 11.2 um, per kelvin of the 11.2-12.3 difference.
    ceiling, width: the warmest that vapour or CO2 lets through, and how gently it is reached; 0: a window.
    moist: share of a scene's moisture that is added to the ceiling.
    tops: kelvin by which opaque ice differs from its temperature.
    """

    wavelength: float
    ice: float = 1.0
    young: float = 1.0
    vapour: float = 0.0
    ceiling: float = 0.0
    width: float = 1.0
    moist: float = 1.0
    tops: float = 0.0
    noise: float = 0.03


BANDS: Mapping[int, Band] = {
    8: Band(wavelength=6.19, ice=0.95, young=0.93, ceiling=237.0, width=13.0, noise=0.010),
    9: Band(wavelength=6.95, ice=0.95, young=0.93, ceiling=247.5, width=12.5, moist=1.05, noise=0.013),
    10: Band(wavelength=7.34, ice=0.95, young=0.93, ceiling=258.0, width=11.5, noise=0.016),
    11: Band(wavelength=8.5, ice=0.885, young=0.835, vapour=0.72, tops=0.4),
    12: Band(wavelength=9.61, ice=0.9, young=0.9, noise=0.05),
    13: Band(wavelength=10.35, ice=0.9, young=0.91, vapour=-0.33, tops=0.3),
    14: Band(wavelength=11.2),
    15: Band(wavelength=12.3, ice=1.085, young=1.115, vapour=1.0, tops=-0.5),
    16: Band(wavelength=13.3, ice=1.1, young=1.13, ceiling=277.5, width=14.0, moist=0.3, tops=0.5, noise=0.08),
}


@dataclass(frozen=True, kw_only=True)
class Climate:
    """Scalars of one scene."""

    skin: float  # K, clear brightness temperature at 11.2 um
    split: float  # K, clear T14 - T15
    land: float  # share of land
    contrast: float  # K, land warmer than water
    relief: float  # K, spread over land
    desert: float  # K, by which quartz makes 8.4 um colder
    cumulus: float  # cover of small low clouds
    sheet: float  # cover of stratus
    middle: float  # cover of clouds at mid level
    deep: float  # cover of opaque ice
    cirrus: float  # median optical depth of cirrus
    cirrus_cover: float
    ice: float  # K, temperature of cirrus
    anvil: float  # K, temperature of opaque ice
    crystals: float  # 0 large .. 1 small: widens the differences between bands
    moist: float  # K, added to the ceilings of the vapour bands
    low_wind: Winds
    high_wind: Winds
    angle: float  # of cirrus streaks


def draw_climate(rng: np.random.Generator, u: NDArray[np.float64], busy: bool) -> Climate:
    """Draw a climate; `u`, (8,) in 0..1, are coordinates that are spread evenly over a data set.

    busy: contrails are visible: the air is moister and opaque ice rarer.
    """
    skin = float(np.interp(u[0], (0, 0.04, 0.12, 0.5, 0.9, 0.97, 1), (255, 271, 280, 290, 296, 301, 312)))
    split = float(np.clip(3.3 + 0.05 * (skin - 288) + 1.5 * (u[1] - 0.5) + rng.normal(0, 0.45), 0.5, 5.3))
    split += 0.3 if busy else -0.2
    wind = rng.normal(0, 1.6, 2), rng.normal((0, 4.5), (1.5, 4.5))
    hot = max(0.0, (skin - 298) / 10)
    return Climate(
        skin=skin,
        split=split,
        land=float(rng.choice((0.0, 1.0, rng.uniform(0.1, 0.9)), p=(0.3, 0.3, 0.4))),
        contrast=float(rng.normal(0, 3.5)) + 5 * hot,
        relief=float(rng.gamma(2.5, 0.8)) + 1.5 * hot,
        desert=float(rng.gamma(1.5, 0.35)) + 3.5 * hot,
        cumulus=float(rng.beta(0.7, 6)) if u[2] < 0.65 else 0.0,
        sheet=float(rng.beta(0.7, 1.6)) if u[3] < 0.42 else 0.0,
        middle=float(rng.beta(0.7, 3.0)) if u[4] < 0.32 else 0.0,
        deep=float(rng.beta(0.6, 4.0 if busy else 1.9)) if u[5] < 0.3 else 0.0,
        cirrus=float(np.exp(rng.normal(-1.9, 0.9))),
        cirrus_cover=float(rng.beta(0.8, 1.7)) if u[6] < 0.8 else 0.0,
        ice=float(rng.uniform(214, 238)),
        anvil=float(np.clip(rng.normal(214, 10), 194, 236)),
        crystals=float(rng.uniform()),
        moist=float(10 * (u[7] - 0.5) + rng.normal(0, 2)),
        low_wind=(float(wind[0][0]), float(wind[0][1])),
        high_wind=(float(wind[1][0]), float(wind[1][1])),
        angle=float(np.arctan2(wind[1][0], wind[1][1]) + rng.normal(0, 0.35)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloud:
    """Moving cloud field: two canvases that turn into each other while they drift, so that clouds change."""

    now: Field
    later: Field
    wind: Winds
    turning: float  # radians a frame

    def at(self, frame: int) -> Field:
        """Field over the scene (256, 256), unit variance."""
        since = frame - LABELLED
        mixed = np.float32(np.cos(self.turning * since)) * self.now
        mixed += np.float32(np.sin(self.turning * since)) * self.later
        return window(mixed, since * self.wind[0], since * self.wind[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """One frame of a scene without its contrails, all (256, 256).

    skin: K, what the 11.2 um window sees without ice.  split: K, its T14 - T15.  quartz: K, 8.4 um deficit.
    tau: optical depth of ice at 11.2 um.  opaque: 0..1, cold tops.  moist: K, of the vapour bands.
    """

    skin: Field
    split: Field
    quartz: Field
    tau: Field
    opaque: Field
    moist: Field
    texture: Field


class Atmosphere:
    """Fields of one scene; `state(frame)` puts them together."""

    def __init__(self, rng: np.random.Generator, climate: Climate) -> None:
        self.climate = c = climate
        self.ground, self.ground_split, self.quartz = _ground(rng, c)
        vapour = power_law(rng, 3.4, stretch=rng.uniform(1, 3), angle=c.angle, smallest=4)
        self.vapour, self.moist = vapour
        self.humid = np.float32(rng.uniform(0.05, 0.22))
        self.wet = np.float32(rng.uniform(1.5, 4.0))
        self.cumulus = self._cloud(rng, c.cumulus, 2.7, 1.5, c.low_wind, 0.1, largest=rng.uniform(8, 90))
        self.sheet = self._cloud(rng, c.sheet, 3.3, 1.6, c.low_wind, 0.05)
        self.middle = self._cloud(rng, c.middle, 3.2, 1.8, _half(c), 0.06)
        self.deep = self._cloud(rng, c.deep, 3.7, 1.3, _half(c), 0.04)
        self.cirrus = self._streaks(rng) if c.cirrus_cover else None
        self.tops = (rng.uniform(4, 13), rng.uniform(4, 16), rng.uniform(18, 36))  # K below the skin
        self.edges = rng.uniform(0.12, 0.5, 3), rng.uniform(0.1, 0.4)

    def _cloud(
        self,
        rng: np.random.Generator,
        cover: float,
        slope: float,
        stretch: float,
        wind: Winds,
        turning: float,
        largest: float = CANVAS,
    ) -> Cloud | None:
        if not cover:
            return None
        stretch, angle = rng.uniform(1, stretch**2), rng.uniform(0, np.pi)
        now, later = power_law(rng, slope + rng.normal(0, 0.15), stretch, angle, largest=largest)
        return Cloud(now=now, later=later, wind=wind, turning=turning)

    def _streaks(self, rng: np.random.Generator) -> tuple[Cloud, Cloud]:
        """Cirrus: where it is, and the filaments in it."""
        c = self.climate
        place = power_law(rng, 3.6, rng.uniform(1, 3), c.angle)
        fine = power_law(rng, rng.uniform(2.8, 3.7), 1 + rng.gamma(1.5, 1.0), c.angle, largest=rng.uniform(20, 120))
        warp = power_law(rng, 4.0, 1.0, 0.0, smallest=8)[0]
        fine = fronts(fine[0], warp, rng.uniform(2, 9)), fine[1]
        where = Cloud(now=place[0], later=place[1], wind=c.high_wind, turning=0.02)
        return where, Cloud(now=fine[0], later=fine[1], wind=c.high_wind, turning=0.09)

    def state(self, frame: int) -> State:
        """Scene at `frame`, 0 to 7."""
        c = self.climate
        low = Cloud(now=self.vapour, later=self.moist, wind=_half(c), turning=0.02).at(frame)
        high = Cloud(now=self.moist, later=self.vapour, wind=c.high_wind, turning=0.02).at(frame)
        damp = np.exp(self.humid * low)
        skin, split = self.ground, self.ground_split * damp
        quartz = self.quartz
        clouds = (self.sheet, c.sheet), (self.cumulus, c.cumulus), (self.middle, c.middle)
        for (cloud, cover), depth, edge in zip(clouds, self.tops, self.edges[0]):
            if cloud is None:
                continue
            field = cloud.at(frame)
            share = blur(step(field, cover, edge))
            top = np.float32(c.skin - depth) - np.float32(0.08 * depth) * np.maximum(field, 0)
            # Less vapour lies above a higher top: its scale height is 2 km, the lapse rate 6.5 K/km.
            above = np.float32(c.split * np.exp(-depth / 13.0)) * damp - np.float32(0.1)
            skin = skin + share * (top - skin)
            split = split + share * (above - split)
            quartz = quartz * (1 - share)
        tau, opaque, texture = self._ice(frame)
        moist = np.float32(c.moist) + self.wet * high
        return State(skin=skin, split=split, quartz=quartz, tau=tau, opaque=opaque, moist=moist, texture=texture)

    def _ice(self, frame: int) -> tuple[Field, Field, Field]:
        c = self.climate
        tau = np.zeros((256, 256), np.float32)
        opaque, texture = tau, tau
        if self.cirrus is not None:
            where, fine = (cloud.at(frame) for cloud in self.cirrus)
            level = np.float32(np.quantile(where[::4, ::4], 1 - c.cirrus_cover))
            thick = np.exp(np.float32(0.8) * fine + np.float32(0.5) * where)
            tau = tau + np.float32(c.cirrus) * thick * logistic((where - level + 0.25 * fine) * 4)
        if self.deep is not None:
            texture = self.deep.at(frame)
            opaque = step(texture, c.deep, self.edges[1])
            # A steep core inside a thin rim: anvils end in a dark seam of cirrus.
            tau = tau + 9 * opaque * np.sqrt(opaque)
        return blur(tau), opaque, texture


def radiance(state: State, number: int, climate: Climate) -> Field:
    """Planck radiance (256, 256) of one band, relative units, without contrails."""
    band = BANDS[number]
    source = planck(background(state, number), band.wavelength)
    passed = np.exp(-np.float32(ice_factor(band, climate.crystals)) * state.tau)
    return cold(state, number, climate) * (1 - passed) + source * passed


def background(state: State, number: int) -> Field:
    """Kelvin (256, 256) that a band sees below the ice."""
    band = BANDS[number]
    if number == 12:
        # Ozone far above replaces a good part of what comes from below.
        return ozone(state.skin)
    if band.ceiling:
        return ceil(state.skin, np.float32(band.ceiling) + state.moist * np.float32(band.moist), band.width)
    seen = state.skin - np.float32(band.vapour) * state.split
    return seen - state.quartz - np.float32(0.25) if number == 11 else seen


def cold(state: State, number: int, climate: Climate) -> Field:
    """Radiance (256, 256) of opaque ice at the temperature of the cirrus, or of the tops where it is deep."""
    thin, thick = (ice_radiance(number, kelvin) for kelvin in (climate.ice, climate.anvil))
    # Tops vary by a few kelvin: to first order, without another exponential.
    rate = np.float32(HC_OVER_K / BANDS[number].wavelength / climate.anvil**2 * 2.2)
    return thin + state.opaque * (thick * (1 - rate * (state.texture - 1)) - thin)


def ice_radiance(number: int, kelvin: float) -> np.float32:
    """Radiance of opaque ice of a given temperature in one band."""
    band = BANDS[number]
    seen = np.float32(kelvin + band.tops)
    if number == 12:
        seen = ozone(seen)
    elif band.ceiling:
        seen = ceil(seen, np.float32(band.ceiling), band.width)
    return np.float32(planck(seen, band.wavelength))


def ice_factor(band: Band, crystals: float) -> float:
    """Absorption relative to 11.2 um for large (0) to small (1) crystals."""
    return 1 + (band.ice - 1) * (0.5 + crystals)


def planck(kelvin, wavelength: float):  # type: ignore[no-untyped-def]
    """Planck radiance up to a factor; Wien's form is exact to 1 % here and as good for its own inverse."""
    return np.exp(np.float32(-HC_OVER_K / wavelength) / kelvin)


def kelvin_of(radiance: Field, wavelength: float) -> Field:
    """Inverse of `planck`."""
    kelvin: Field = np.divide(np.float32(-HC_OVER_K / wavelength), np.log(radiance), dtype=np.float32)
    return kelvin


def ozone(kelvin):  # type: ignore[no-untyped-def]
    """Kelvin of the 9.6 um band through ozone (about 215 K where the window has 200, 267 K where it has 290)."""
    return np.float32(0.57) * kelvin + np.float32(101.0)


def ceil(kelvin, ceiling, width: float):  # type: ignore[no-untyped-def]
    """Softer minimum of `kelvin` and `ceiling`."""
    return ceiling - np.float32(width) * np.log1p(np.exp((ceiling - kelvin) / np.float32(width)))


def _half(climate: Climate) -> Winds:
    low, high = climate.low_wind, climate.high_wind
    return (low[0] + high[0]) / 2, (low[1] + high[1]) / 2


def _ground(rng: np.random.Generator, c: Climate) -> tuple[Field, Field, Field]:
    """Skin, its T14 - T15 and the quartz deficit, all kelvin (256, 256), fixed in time."""
    shape, relief = power_law(rng, rng.uniform(2.6, 3.4))
    fine, calm = power_law(rng, 2.5), power_law(rng, 3.2, smallest=3)
    land = step(window(shape), c.land, 0.02) if 0 < c.land < 1 else np.full((256, 256), c.land, np.float32)
    ground = np.float32(c.relief) * (0.8 * window(relief) + 0.5 * window(fine[0]))
    sea = np.float32(0.7) * window(calm[0])
    wet = _rivers(window(calm[1])) if rng.uniform() < 0.6 else np.float32(0)
    ground = ground - wet * np.float32(rng.normal(0, 1.8))
    lakes = step(window(fine[1]), rng.uniform(0, 0.012), 0.05) * np.float32(rng.normal(0, 5))
    tilt = np.float32(1.3) * window(calm[1])
    skin = np.float32(c.skin) + tilt + land * (np.float32(c.contrast) + ground + lakes) + (1 - land) * sea
    # Land radiates a little less at 11.2 than at 12.3 um; the more the drier.
    split = np.float32(c.split) * (1 + np.float32(0.03) * ground) - land * np.float32(rng.uniform(0, 0.5))
    quartz = land * np.float32(c.desert) * np.exp(np.float32(0.5) * window(relief)) * (1 - wet)
    return blur(skin), blur(np.maximum(split, np.float32(0.2))), blur(quartz)


def _rivers(field: Field) -> Field:
    """Lines about a pixel wide along the contours of a field: 0..1 (256, 256)."""
    slope = np.hypot(*np.gradient(field)) + np.float32(1e-4)
    lines = np.minimum(np.abs(field - np.float32(0.3)), np.abs(field + np.float32(0.8))) / slope
    river = np.exp(-((lines / np.float32(0.6)) ** 2))
    return river.astype(np.float32)
