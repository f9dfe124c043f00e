"""Coverage of 95 % intervals: samples of worlds whose Dice is known. The table of docs/honesty.md.

    python -m benchmarks.coverage [--json FILE] [--studies N] [--ways] [--data DIR [--data DIR] --runs RUNS]

Each study draws scene groups, and asks `core.uncertainty` for the interval of the Dice of one system and of its paired
difference to another. With --data and --runs, the groups of real records are the population, too, with the
out-of-fold counts of their best two members. `--ways` compares the other ways to an interval on fewer studies.

A row: groups, positive_share (of the records; of the groups where the scenes are real), effective (groups, the mean of
the studies), covers, pair_covers, studies; `above` and `pair_above` are the shares of intervals that lie below the
truth, `bias` and `bias_jackknifed` the mean Dice, plain and jackknifed, less the true one, `rms` and `rms_jackknifed`
the root mean square of these errors. A study whose sample has no interval counts as not covered.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run as a file, its folder comes first in the path, where it hides the package of its own name.
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.coverage_ways import WAYS, Bounds, studies
from benchmarks.coverage_worlds import Real, Simulated, real_counts
from core.uncertainty import dice_difference, dice_interval, jackknife_dice

CHOSEN = "jackknife-t, carriers + 1, logit (chosen)"
GROUPS = (13, 39, 130, 300, 650, 1300)
WAYS_GROUPS = (39, 130, 650)  # a double bootstrap takes its time
SHARES = (0.03, 0.10, 0.40)
REAL_SHARES = (0.03, 0.10, 0.40, 0.53)
STUDIES, WAYS_STUDIES = 2000, 200
SEED = 3
NOTHING: Bounds = (np.nan, np.nan)


def cell(world: Simulated | Real, groups: int, count: int, ways: bool = False) -> Iterator[dict[str, Any]]:
    """Row of the chosen interval on this many studies; with `ways`, rows of the others after it."""
    tp, predicted, truth, tp_2, predicted_2, truth_2 = world.total()
    known = 2 * tp / (predicted + truth)
    target = known, known - 2 * tp_2 / (predicted_2 + truth_2)
    rng = np.random.default_rng([SEED, groups, round(1000 * world.share)])
    found: dict[str, list[tuple[Bounds, Bounds]]] = {}
    effective, values = [], []
    for _ in range(count):
        counts, where = world.sample(groups, rng)
        alone, paired = dice_interval(counts[:, :3], where), dice_difference(counts[:, :3], counts[:, 3:], where)
        effective.append(alone.effective_groups)
        values.append((alone.value, jackknife_dice(counts[:, :3], where)))
        found.setdefault(CHOSEN, []).append((alone.interval or NOTHING, paired.interval or NOTHING))
        if ways:
            # Without a pixel of either system there is no Dice to draw.
            drawn = studies(counts, where, rng) if counts[:, 1].any() and counts[:, 4].any() else None
            for name, way in WAYS.items():
                with np.errstate(all="ignore"):  # a replicate without a hit has no logit
                    both = (way(drawn[0]), way(drawn[1])) if drawn else (NOTHING, NOTHING)
                found.setdefault(name, []).append(both)
    errors = np.array(values) - known
    bias, bias_jackknifed = errors.mean(axis=0)
    rms, rms_jackknifed = np.sqrt((errors**2).mean(axis=0))
    for name, intervals in found.items():
        bounds = np.array(intervals)  # (studies, 2, 2)
        covers = (bounds[:, :, 0] <= target) & (bounds[:, :, 1] >= target)
        above = (bounds[:, :, 1] < target).mean(axis=0)
        row = {"population": world.name, "groups": groups, "positive_share": world.share}
        row |= {"effective": float(np.mean(effective)), "covers": float(covers[:, 0].mean())}
        row |= {"pair_covers": float(covers[:, 1].mean()), "above": float(above[0]), "pair_above": float(above[1])}
        row |= {"width": float(np.nanmedian(np.diff(bounds[:, 0]))), "studies": count}
        row |= {"bias": float(bias), "bias_jackknifed": float(bias_jackknifed)}
        row |= {"rms": float(rms), "rms_jackknifed": float(rms_jackknifed)}
        yield row | ({"interval": name} if ways else {})


def table(worlds: Sequence[Simulated | Real], count: int, ways: bool) -> list[dict[str, Any]]:
    """All rows, each printed when it is there."""
    rows = []
    for world in worlds:
        for groups in WAYS_GROUPS if ways else GROUPS:
            for row in cell(world, groups, count, ways):
                rows.append(row)
                print(
                    f"{row['population']:9} groups {groups:4} positive {world.share:4.0%} "
                    f"effective {row['effective']:6.1f} covers {row['covers']:.3f} pair {row['pair_covers']:.3f} "
                    f"width {row['width']:.3f} {row.get('interval', '')}",
                    flush=True,
                )
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--studies", type=int, help=f"[{STUDIES}; with --ways {WAYS_STUDIES}]")
    parser.add_argument("--ways", action="store_true")
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--runs", type=Path, default=Path("tests/fixtures/real_runs"))
    given = parser.parse_args(argv)
    worlds: list[Simulated | Real] = [Simulated(share) for share in SHARES]
    if given.data:
        counts, first = real_counts(given.runs, given.data)
        worlds += [Real(share, counts, first) for share in REAL_SHARES]
    rows = table(worlds, given.studies or (WAYS_STUDIES if given.ways else STUDIES), given.ways)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
