"""The classical detector: line kernels on T14 - T15, a threshold chosen on synthetic scenes, real scenes scored.

    python -m benchmarks.classical --synthetic DIR --data DIR [--data DIR ...]

The difference is taken less its surroundings, over its local spread; sixteen oriented line kernels answer; a
pixel is a contrail where the best answer is above the threshold and its component is long enough. The threshold
and the smallest component are those with the best global Dice on the synthetic scenes: no real label is used.
"""

import argparse
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import fft, ndimage

from core.dice import Counts, count
from core.uncertainty import dice_interval
from zoo.data import Record, Scenes, open_scenes

ORIENTATIONS, LENGTH, WIDTH = 16, 8.0, 1.1  # the last two in px, standard deviations
THRESHOLDS = np.linspace(0.4, 3.0, 27)
SMALLEST = (0, 10, 20, 40, 80)
SIDE = 300


def response(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """The strongest response of the line kernels to T14 - T15 (256, 256) kelvin, in local standard deviations."""
    rough = difference - ndimage.gaussian_filter(difference, 5)
    spread = np.sqrt(ndimage.gaussian_filter(rough**2, 16)) + 0.06
    spectrum = fft.rfft2(np.clip(rough / spread, -3, 3), (SIDE, SIDE))
    answers = fft.irfft2(spectrum * kernels(), (SIDE, SIDE), axes=(1, 2))[:, :256, :256]
    best: NDArray[np.float32] = answers.max(axis=0)
    return best


@cache
def kernels() -> NDArray[np.complex64]:
    """Spectra of the kernels: a line minus its two sides, of zero sum and unit gain on a line."""
    y, x = np.meshgrid(np.fft.fftfreq(SIDE, 1 / SIDE), np.fft.fftfreq(SIDE, 1 / SIDE), indexing="ij")
    spectra = []
    for angle in np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS:
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        profile = (1 - (across / WIDTH) ** 2) * np.exp(-(across**2) / (2 * WIDTH**2))
        kernel = profile * np.exp(-(along**2) / (2 * LENGTH**2))
        spectra.append(fft.rfft2(kernel / kernel[kernel > 0].sum()))
    return np.stack(spectra).astype(np.complex64)


def detect(answer: NDArray[np.float32], threshold: float, smallest: int) -> NDArray[np.bool_]:
    """The mask (256, 256) of a response: above the threshold, components of at least `smallest` px."""
    labels, _ = ndimage.label(answer > threshold, np.ones((3, 3)))
    large = np.bincount(labels.ravel()) >= max(smallest, 1)
    large[0] = False
    return large[labels]


def counts(scenes: Scenes, record: Record, settings: Sequence[tuple[float, int]]) -> NDArray[np.int64]:
    """Counts (settings, 3) of one record."""
    t14, t15 = scenes.kelvin(record, (14, 15), (5,))[:, 0]
    answer, truth = response(t14 - t15), scenes.mask(record)
    return np.stack([count(detect(answer, *each)[None], truth[None])[0] for each in settings])


def tally(scenes: Scenes, settings: Sequence[tuple[float, int]], jobs: int) -> tuple[list[str], NDArray[np.int64]]:
    """Ids and counts (records, settings, 3) of all labelled records."""
    one = partial(counts, scenes, settings=settings)
    found = Parallel(n_jobs=jobs, prefer="threads")(delayed(one)(record) for record in scenes.labelled)
    return [record.id for record in scenes.labelled], np.stack(found)


def report(arguments: argparse.Namespace) -> Iterator[str]:
    grid = [(float(threshold), smallest) for threshold in THRESHOLDS for smallest in SMALLEST]
    _, synthetic = tally(open_scenes([arguments.synthetic]), grid, arguments.jobs)
    dice = [Counts.of(synthetic[:, place]).dice for place in range(len(grid))]
    best = int(np.argmax(dice))
    yield f"threshold {grid[best][0]:.2f}, components of {grid[best][1]} px or more, chosen on {len(synthetic)} scenes"
    yield f"synthetic: Dice {dice[best]:.3f}"
    ids, real = tally(open_scenes(arguments.data), grid, arguments.jobs)
    estimate = dice_interval(real[:, best], ids)
    yield f"real, {len(ids)} scenes: Dice {estimate.value:.3f} ({estimate.low:.3f} .. {estimate.high:.3f})"
    ceiling = max(Counts.of(real[:, place]).dice for place in range(len(grid)))
    yield f"had the threshold been chosen on the real scenes themselves: Dice {ceiling:.3f}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--synthetic", type=Path, required=True, help="made by: cli data synth DIR")
    parser.add_argument("--data", type=Path, action="append", required=True, help="labelled real scenes")
    parser.add_argument("--jobs", type=int, default=2)
    for line in report(parser.parse_args(argv)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
