"""What are many levers worth at once? A Plackett-Burman design: every run tells of every lever.

    python -m benchmarks.screening --data DIR [--data DIR] --runs RUNS --set KEY=VALUE --set KEY+=TERM ...
        [--member lite0-fc-t5-ema] [--base KEY=VALUE ...] [--epochs 6] [--json FILE]

Each lever is on in half of the 8, 12, 20 or 24 recipes of the design, and any two of them are on together in a quarter;
`KEY+=TERM` adds a term to a loss or an augmentation, so that several levers may share the key. Each recipe trains all
folds with a seed of its own. The effect of a lever is the Dice of the recipes with it (counts summed) minus that of the
others, paired on the same records, with its interval over scene groups: what it is worth on the average of the other
levers, not beside the plain recipe. `noise` is Lenth's pseudo standard error of the effects: a lever whose effect is
below twice of it may owe it to the seeds. After Plackett and Burman, Biometrika 33 (1946) and Lenth, Technometrics 31
(1989). Complete runs are reused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.levers import Bench, Side
from core.dice import Counts
from core.errors import UserError
from core.uncertainty import dice_difference
from zoo.data import open_scenes
from zoo.members import Recipe, load_member, parse_setting, with_settings
from zoo.runs import Store

PRIMES = (7, 11, 19, 23)  # that leave 3 when divided by 4: the quadratic residues make a design of one run more


def plackett_burman(factors: int) -> NDArray[np.bool_]:
    """Orthogonal two-level design: (runs, factors); every column is on in half of the runs, the last run has none."""
    prime = next((one for one in PRIMES if one >= factors), None)
    if prime is None:
        raise ValueError(f"{factors} levers; at most {PRIMES[-1]} fit into one design")
    row = np.zeros(prime, bool)
    row[[number * number % prime for number in range(prime)]] = True
    runs = [np.roll(row, shift) for shift in range(prime)]
    return np.array([*runs, np.zeros(prime, bool)])[:, :factors]


def lenth(effects: NDArray[np.float64]) -> float:
    """Pseudo standard error of effects of which most are none."""
    sizes = np.abs(effects)
    first = 1.5 * np.median(sizes)
    return float(1.5 * np.median(sizes[sizes <= 2.5 * first]))


def changed(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """Recipe with all of these levers."""
    for setting in settings:
        key, value = parse_setting(setting)
        if added := key.removesuffix("+") != key:
            key = key.removesuffix("+")
        recipe = with_settings(recipe, {key: f"{getattr(recipe, key)}+{value}" if added else value})
    return recipe


def screen(bench: Bench, member: Recipe, levers: Sequence[str]) -> dict[str, Any]:
    """Train the recipes of the design, and compare for each lever those with it and those without."""
    design = plackett_burman(len(levers))
    sides: list[Side] = []
    for number, on in enumerate(design):
        having = [lever for lever, has in zip(levers, on) if has]
        sides.append(bench.side(changed(member, having), bench.epochs, seed=number))
        print(f"recipe {number + 1}/{len(design)}: {sides[-1].dice[0]:.4f}, {', '.join(having) or 'none'}", flush=True)
    counts, groups = np.stack([side.counts[0] for side in sides]), sides[0].groups
    dice = np.array([Counts.of(one).dice for one in counts])
    minutes = np.array([side.minutes for side in sides])
    rows = []
    for lever, on in zip(levers, design.T):
        gain = dice_difference(counts[on].sum(axis=0), counts[~on].sum(axis=0), groups)
        cost = float(minutes[on].mean() / minutes[~on].mean())
        each = {"dice": float(dice[on].mean()), "dice_without": float(dice[~on].mean()), "cost": cost}
        rows.append({"lever": lever, "gain": gain.value, "gain_interval": gain.bounds} | each)
    noise = lenth(np.array([row["gain"] for row in rows]))
    runs = {"dice": dice.tolist(), "minutes": minutes.tolist(), "on": design.tolist()}
    return {"member": member.name, "epochs": bench.epochs, "records": len(groups), "noise": noise} | {
        "levers": rows, "recipes": runs
    }  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """Row of the printed table."""
    low, high = row["gain_interval"] or (float("nan"),) * 2
    return (
        f"{row['lever']:32} {row['dice_without']:.4f}  {row['dice']:.4f}  "
        f"{row['gain']:+.4f} ({low:+.4f} to {high:+.4f})  {row['cost']:.2f} of the minutes"
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--set", action="append", dest="levers", required=True, help="key=value, or key+=term")
    parser.add_argument("--member", default="lite0-fc-t5-ema")
    parser.add_argument("--base", action="append", default=[], help="key=value of all recipes")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    bench = Bench(scenes=open_scenes(given.data), store=Store(given.runs), seeds=1, epochs=given.epochs)
    member = with_settings(load_member(given.member), dict(map(parse_setting, given.base)))
    found = screen(bench, member, given.levers)
    print(*map(line, found["levers"]), f"noise {found['noise']:.4f}", sep="\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
