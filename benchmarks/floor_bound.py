"""How far the floor of active pixels could rise: a bound on the Dice of every blend at a threshold, on real maps.

    python -m benchmarks.floor_bound RUNS --data DIR [--data DIR ...] [--json FILE]

Whatever the weights, a blend at level t holds no pixel that all members put below t, and every pixel that all put at t
or above. With P positives that a member puts at t or above, N negatives that all do, and T mask pixels, its Dice is at
most 2 P / (P + N + T). Thresholds below a floor can be left out without a search only where this is less than the Dice
of a blend in hand, here that of equal weights at its best threshold.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.dice import global_dice
from zoo.data import open_scenes
from zoo.predictions import find_out_of_fold
from zoo.runs import Store

LEVELS = (1, 3, 10, 26, 51, 77, 128)


def measure(runs: Path, data: Sequence[Path]) -> list[dict[str, float]]:
    """Bound on the Dice and share of pixels that are active, for each floor; the Dice of equal weights."""
    _, members = find_out_of_fold(Store(runs))
    scenes = open_scenes(list(data))
    labelled = {record.id: record for record in scenes.labelled}
    ids = sorted(set(labelled).intersection(*(member.record_ids for member in members)))
    maps = np.stack([member.maps(ids) for member in members])
    masks = np.stack([scenes.mask(labelled[name]) for name in ids])
    lowest, highest, truth = maps.min(axis=0), maps.max(axis=0), int(masks.sum())
    mean = np.rint(maps.mean(axis=0)).astype(np.uint8)
    hits = np.bincount(mean[masks], minlength=256)[::-1].cumsum()[::-1]
    predicted = np.bincount(mean.ravel(), minlength=256)[::-1].cumsum()[::-1]
    best = float(global_dice(hits, predicted + truth)[1:].max())
    rows = []
    for level in LEVELS:
        positive = int((highest >= level)[masks].sum())
        negative = int(((lowest >= level) & ~masks).sum())
        bound = 2 * positive / (positive + negative + truth)
        rows.append({"floor": level, "bound": bound, "active": float((highest >= level).mean()), "equal_weights": best})
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    rows = measure(given.runs, given.data)
    print(f"Dice of equal weights {rows[0]['equal_weights']:.3f}")
    for row in rows:
        print(f"floor {row['floor']:3}  bound {row['bound']:.3f}  active {row['active']:.2%}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
