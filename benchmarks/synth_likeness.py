"""Compare figures of synthetic scenes with those measured on real ones.

python -m benchmarks.synth_likeness FOLDER

FOLDER is in the competition's layout and holds train scenes: cli data synth FOLDER --train 100. Prints one row a
figure: real, synthetic, tolerance. The real figures are those of 22,385 records (counts of pixels) and of 48 records
(temperatures, labelers), whose positive scenes are over-represented; tolerances allow for that and for the number of
scenes generated. Exit 1 if a figure is beyond its tolerance.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zoo.data.masks import majority
from zoo.data.synth.atmosphere import BANDS, LABELLED
from zoo.data.synth.scene import PERCENT, PIXELS, POSITIVE

Kelvin = Mapping[int, NDArray[np.float32]]

THIN = 4  # every fourth row and column is enough for the spread of a band

BAND_MEAN_STD = {
    8: (233.65, 7.43),
    9: (242.22, 9.69),
    10: (250.90, 12.10),
    11: (274.92, 20.46),
    12: (256.56, 13.57),
    13: (277.10, 21.55),
    14: (275.83, 21.96),
    15: (272.99, 21.44),
    16: (260.91, 16.71),
}
DIFFERENCES = {
    # mean, std, then percentiles 1, 5, 25, 50, 75, 95, 99, in kelvin
    (15, 14): (-2.840, 1.315, -5.72, -4.82, -3.81, -2.93, -1.81, -0.68, -0.31),
    (14, 11): (0.909, 2.263, -5.70, -3.45, -0.43, 1.47, 2.52, 3.56, 5.12),
}
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
CONTRAST = {"T11": -2.0, "T14": -2.7, "T15": -2.8, "T15-T14": -0.31, "T14-T11": -0.75}
PAIRS, OTHERS = 0.63, 0.68
MARKED_BY = (0.35, 0.21, 0.21, 0.22)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of real and synthetic scenes; `ok` if they differ by no more than `tolerance`."""

    figure: str
    real: float
    synthetic: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """True if the synthetic figure is within the tolerance; NaN is not."""
        return abs(self.synthetic - self.real) <= self.tolerance

    def __str__(self) -> str:
        numbers = f"{self.real:12,.3f} {self.synthetic:12,.3f} {self.tolerance:12,.3f}"
        return f"{self.figure:42} {numbers}  {'ok' if self.ok else 'far'}"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    """Data of a folder: thinned bands (n, 64, 64) of train, counts of contrail pixels, contrasts, labelers."""

    bands: dict[int, NDArray[np.float32]]
    pixels: dict[str, NDArray[np.int64]]
    contrasts: NDArray[np.float64]
    individual: list[NDArray[np.bool_]]


def compare(folder: Path) -> list[Row]:
    """Rows of the set in `folder`, which holds train scenes."""
    sample = _read(folder)
    rows = [*_shares(sample), *_temperatures(sample), *_differences(sample)]
    return [*rows, *_contrasts(sample), *_agreement(sample)]


def _shares(sample: _Sample) -> Iterator[Row]:
    for split, pixels in sample.pixels.items():
        positive = pixels[pixels > 0]
        yield Row(
            figure=f"{split}: share of scenes with contrails",
            real=POSITIVE[split],
            synthetic=len(positive) / len(pixels),
            tolerance=0.01 + 1.5 / len(pixels),
        )
        for percent in (25, 50, 75):
            real = PIXELS[split][PERCENT.index(percent)]
            yield Row(
                figure=f"{split}: contrail pixels of those, {percent} %",
                real=real,
                synthetic=float(np.percentile(positive, percent)) if len(positive) else 0.0,
                tolerance=real * (0.25 + 2.6 / max(len(positive), 1) ** 0.5),
            )


def _temperatures(sample: _Sample) -> Iterator[Row]:
    for number, (mean, std) in BAND_MEAN_STD.items():
        kelvin = sample.bands[number]
        # Scenes differ by some two thirds of the spread over all pixels: the error of n and of 48 scenes.
        error = 0.65 * std * (1 / len(kelvin) + 1 / 48) ** 0.5
        yield Row(
            figure=f"band {number:02d}: mean, K",
            real=mean,
            synthetic=float(kelvin.mean()),
            tolerance=0.8 + 2 * error,
        )
        yield Row(
            figure=f"band {number:02d}: spread, K",
            real=std,
            synthetic=float(kelvin.std()),
            tolerance=0.1 * std + 1.5 * error,
        )


def _differences(sample: _Sample) -> Iterator[Row]:
    for (one, other), real in DIFFERENCES.items():
        kelvin = sample.bands[one] - sample.bands[other]
        synthetic = (kelvin.mean(), kelvin.std(), *np.percentile(kelvin, QUANTILES))
        error = real[1] * (1 / len(kelvin) + 1 / 48) ** 0.5
        for name, r, s in zip(("mean", "spread", *(f"{q} %" for q in QUANTILES)), real, synthetic):
            # The far percentiles belong to a few scenes.
            slack = 1.5 if name in ("1 %", "99 %") else 1.0
            yield Row(
                figure=f"T{one}-T{other}: {name}, K",
                real=r,
                synthetic=float(s),
                tolerance=slack * (0.15 * real[1] + 2 * error),
            )


def _contrasts(sample: _Sample) -> Iterator[Row]:
    found = np.median(sample.contrasts, axis=0) if len(sample.contrasts) else np.full(5, np.nan)
    for (name, real), synthetic in zip(CONTRAST.items(), found):
        yield Row(
            figure=f"contrast of a contrail in {name}, K",
            real=real,
            synthetic=float(synthetic),
            tolerance=abs(real) * (0.15 + 1.5 / max(len(sample.contrasts), 1) ** 0.5),
        )


def _agreement(sample: _Sample) -> Iterator[Row]:
    pairs, others = agreement(sample.individual)
    slack = 0.04 + 0.4 / max(len(sample.individual), 1) ** 0.5
    yield Row(figure="Dice of two labelers", real=PAIRS, synthetic=pairs, tolerance=slack)
    yield Row(figure="Dice of one labeler and the others", real=OTHERS, synthetic=others, tolerance=slack)
    marks = [masks.sum(axis=-1) for masks in sample.individual if masks.shape[-1] == 4]
    often = np.bincount(np.concatenate([mark[mark > 0] for mark in marks]), minlength=5)[1:]
    for count, (real, synthetic) in enumerate(zip(MARKED_BY, often / max(often.sum(), 1)), start=1):
        yield Row(
            figure=f"marked pixels that {count} of 4 marked",
            real=real,
            synthetic=float(synthetic),
            tolerance=slack,
        )


def agreement(individual: Sequence[NDArray[np.bool_]]) -> tuple[float, float]:
    """Mean Dice of two labelers, and of one with the majority of the others, pooled over masks (..., R)."""
    pairs, others = np.zeros(2), np.zeros(2)
    for masks in individual:
        flat = masks.reshape(-1, masks.shape[-1]).astype(np.int64)
        both, own = flat.T @ flat, flat.sum(axis=0)
        count = len(own)
        pairs += both.sum() - own.sum(), (count - 1) * own.sum()
        for labeler in range(count):
            most = majority(np.delete(flat, labeler, axis=-1).astype(bool), axis=-1)
            others += 2 * flat[most, labeler].sum(), most.sum() + own[labeler]
    return tuple(float(part / whole) if whole else float("nan") for part, whole in (pairs, others))  # type: ignore[return-value]


def contrast(bands: Kelvin, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Median inside the mask minus median in a ring of 3 to 5 px around it: T11, T14, T15, two differences."""
    away = ndimage.distance_transform_edt(~mask)
    ring = (away >= 3) & (away <= 5)
    images = (bands[11], bands[14], bands[15], bands[15] - bands[14], bands[14] - bands[11])
    return np.array([np.median(image[mask]) - np.median(image[ring]) for image in images])


def _read(folder: Path) -> _Sample:
    records = {split: _records(folder / split) for split in ("train", "validation")}
    bands: dict[int, list[NDArray[np.float32]]] = {number: [] for number in BANDS}
    contrasts, individual = [], []
    for record in records["train"]:
        kelvin = {number: _frame(record, number) for number in BANDS}
        mask = np.load(record / "human_pixel_masks.npy")[..., 0] > 0
        if mask.any():
            contrasts.append(contrast(kelvin, mask))
        individual.append(np.load(record / "human_individual_masks.npy")[:, :, 0] > 0)
        for number, image in kelvin.items():
            bands[number].append(image[::THIN, ::THIN])
    return _Sample(
        bands={number: np.stack(images) for number, images in bands.items()},
        pixels={split: _count(found) for split, found in records.items() if found},
        contrasts=np.array(contrasts),
        individual=individual,
    )


def _records(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))


def _frame(record: Path, number: int) -> NDArray[np.float32]:
    frames = np.load(record / f"band_{number:02d}.npy", mmap_mode="r")
    return np.array(frames[..., LABELLED], dtype=np.float32)


def _count(records: Sequence[Path]) -> NDArray[np.int64]:
    return np.array([int(np.load(record / "human_pixel_masks.npy").sum()) for record in records])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    rows = compare(parser.parse_args(argv).folder)
    print(f"{'figure':42} {'real':>12} {'synthetic':>12} {'tolerance':>12}")
    print(*rows, sep="\n")
    far = sum(not row.ok for row in rows)
    print(f"{len(rows) - far} of {len(rows)} figures within their tolerance")
    sys.exit(far > 0)


if __name__ == "__main__":
    main()
