"""Does a threshold fitted on maps of single runs suit the mean of several runs, which is cut at test time?

    python -m benchmarks.run_means [--studies N] [--json FILE]

Members of five runs, whose noise is their own in part and the member's in part, on scenes as in `selection_worlds`. The
threshold of equal weights is fitted on out-of-fold maps, each of one run, and cuts the runs' mean of other scenes.
Prints, by number of members and by the runs' part of the noise, the Dice of single runs, of the mean at the same
threshold, of the mean at the threshold above which as many pixels lie as in the single runs, and at the best one.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection_worlds import seen, smooth_noise

RUNS = 5
GROUPS, OTHERS = 130, 600  # scene groups of the fit, and of the test
CASES = {1: 1.6, 4: 0.9}  # members: their noise
SHARES = (0.2, 0.5, 0.8)  # of the noise's variance, by run
LEVELS = 1020


def draw(members: int, share: float, groups: int, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Draw group of each record (n,), masks (n, H, W), and levels of equal weights of each run (RUNS, n, H, W)."""
    group, masks, base = seen(groups, rng)
    total = np.zeros((RUNS, *masks.shape), np.float32)
    for _ in range(members):
        own = smooth_noise(rng, masks.shape)
        for run in range(RUNS):
            noise = np.sqrt(1 - share) * own + np.sqrt(share) * smooth_noise(rng, masks.shape)
            total[run] += 1 / (1 + np.exp(-(base + CASES[members] * noise)))
    return group, masks, total / members * LEVELS


def curve(levels: NDArray[np.float32], masks: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compute the Dice at each threshold, and the pixels above it: (LEVELS + 1,) each."""
    whole = levels.astype(np.int64)
    above, hits = (
        np.bincount(some.ravel(), minlength=LEVELS + 1)[::-1].cumsum()[::-1] for some in (whole, whole[masks])
    )
    return 2 * hits / (above + masks.sum()), above


def study(members: int, share: float, rng: np.random.Generator) -> dict[str, float]:
    """Dice of one study by way of cutting."""
    group, masks, runs = draw(members, share, GROUPS, rng)
    fold = rng.permutation(GROUPS)[group] % RUNS
    fitted = int(np.argmax(curve(runs[fold, np.arange(len(fold))], masks)[0]))
    _, masks, runs = draw(members, share, OTHERS, rng)
    single = [curve(run, masks) for run in runs]
    dice, above = curve(runs.mean(axis=0), masks)
    as_many = int(np.argmin(np.abs(above - np.mean([pixels[fitted] for _, pixels in single]))))
    alone = float(np.mean([one[fitted] for one, _ in single]))
    return {"single": alone, "mean": dice[fitted], "same_share": dice[as_many], "best": float(dice.max())}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=24)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    rows = []
    for members, share in product(CASES, SHARES):
        found = [study(members, share, np.random.default_rng([members, number])) for number in range(args.studies)]
        gains = np.array([one["same_share"] - one["mean"] for one in found])
        means = {name: round(float(np.mean([one[name] for one in found])), 4) for name in found[0]}
        gain = {"gain": round(float(gains.mean()), 4), "error": round(float(gains.std() / len(gains) ** 0.5), 4)}
        rows.append({"members": members, "share": share, "studies": args.studies, **means, **gain})
        print("  ".join(f"{name} {value:g}" for name, value in rows[-1].items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
