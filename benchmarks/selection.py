"""Is the reported Dice honest, and does `auto` lose to a simpler choice? Simulated studies with a known truth.

    python -m benchmarks.selection --json FILE [--studies N] [--seed S] [--ties Z,Z] [--product]

A study draws scenes of a world of `selection_worlds`, fits by each of the ways below, and measures the true Dice of
each frozen ensemble on a large population of the same world. Prints a line for each world, number of scene groups,
number of folds and way: mean of |reported - true| and of reported - true, and regret, the true Dice of the best way of
the cell less that of this one, on average over the cell's studies. Studies in FILE are not repeated: a run that was cut
off is resumed, and a larger N goes further. Ten folds cost most, and get one study in 16.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection_worlds import WORLDS, Scenes, draw, folded, population
from core.dice import Counts
from core.files import write_json
from ensemble.active import Active
from ensemble.blend import CANDIDATES, Blend
from ensemble.counts import BlendCounts, Choice, TrainingSet
from ensemble.crossfit import cross_fit
from ensemble.min_pixels import NONE, ranked_modes
from ensemble.selection import TIE_Z, candidates, select, simplest_of_best
from ensemble.strategy import FitOptions, Strategy, cross_fitted_counts
from ensemble.surface import Cut, dice_of

GROUPS = (13, 39, 130, 650)
FOLDS = (3, 5, 10)
SPARSE = {10: 16}  # folds of which one study in so many is run
POPULATION = 8_000  # groups
SAVE = 20.0  # seconds between two writes of the file
GRID = np.arange(0.0, 1.01, 0.1)  # of a notebook's weights
THRESHOLDS = np.arange(1, 100) / 100

Truth = Callable[[Choice], float]
Way = tuple[str, Callable[[TrainingSet], tuple[Choice, float]]]


@dataclass(frozen=True)
class Cell:
    """World, number of scene groups and of folds."""

    world: str
    groups: int
    folds: int


@dataclass(frozen=True)
class Variants:
    """Variants of `auto` that are compared.

    ties: z up to which the simpler of two candidates is taken; product: weights and min-pixels are chosen at once
    """

    ties: tuple[float, ...] = (TIE_Z,)
    product: bool = False


def study(cell: Cell, scenes: Scenes, seed: Sequence[int], variants: Variants, truth: Truth) -> dict[str, Any]:
    """Fit by every way on these scenes: what `auto` took, and reported and true Dice by way."""
    active, groups = folded(scenes, cell.folds, np.random.default_rng([*seed, cell.folds]))
    everything = TrainingSet(BlendCounts(active, groups), range(cell.folds))
    figures = {}
    for name, way in ways(variants):
        choice, reported = way(everything)
        figures[name] = [round(reported, 6), round(truth(choice), 6)]
    taken = select(FitOptions(), everything)
    return {**vars(cell), "took": f"{taken.title}, {taken.mode}", "figures": figures}


def ways(variants: Variants) -> Iterator[Way]:
    """Yield ways to choose and to report, by name: the rule, plain choices cross-fitted, peers' in-sample ways."""
    for tie in variants.ties:
        yield f"auto, z > {tie:g}", partial(_cross_fitted, partial(_auto, tie))
    if variants.product:
        yield "auto, all at once", partial(_cross_fitted, _product)
    plain = {
        "uniform": Strategy(),
        "uniform, component": Strategy(mode="component"),
        "best single": Strategy("best"),
        "greedy": Strategy("greedy"),
    }
    for name, strategy in plain.items():
        yield name, partial(_cross_fitted, strategy.choose)
    yield "in-sample greedy", partial(_in_sample, Strategy("greedy").choose)
    yield "in-sample best pair", partial(_in_sample, _best_pair)
    yield "in-sample grid", partial(_in_sample, _notebook)


def _auto(tie: float, training: TrainingSet) -> Choice:
    return select(FitOptions(), training, tie_z=tie).choose(training)


def _product(training: TrainingSet) -> Choice:
    """Choose among all candidates with each min-pixels mode, the simplest first."""
    modes = (NONE, *ranked_modes())
    tried = [replace(one, mode=mode) for mode in modes for one in candidates(training.size)]
    counts = [cross_fitted_counts(training, one) for one in tried]
    return tried[simplest_of_best(counts, training.counts.groups_of(training.folds))].choose(training)


def _cross_fitted(choose: Callable[[TrainingSet], Choice], training: TrainingSet) -> tuple[Choice, float]:
    return choose(training), cross_fit(training, choose).dice


def _in_sample(choose: Callable[[TrainingSet], Choice], training: TrainingSet) -> tuple[Choice, float]:
    choice = choose(training)
    return choice, Counts.of(training.counts.records(choice)).dice


def _best_pair(training: TrainingSet) -> Choice:
    """Choose the two members whose mean has the highest Dice."""
    blends = [training.among(pair).blend([1, 1]) for pair in combinations(training.members, 2)]
    best = max(blends, key=training.dice)
    return Choice(best, training.cut(best, "none")[0])


def _notebook(training: TrainingSet) -> Choice:
    """Choose weights of the three best members, in steps of 0.1, and one of 99 thresholds, as notebooks do."""
    order = sorted(training.members, key=lambda member: -training.dice(training.among([member]).blend([1])))
    three = training.among(order[:3])
    shares = [(a, b, 1 - a - b) for a in GRID for b in GRID if a + b < 1.01]
    blends = [three.blend(np.clip(one, 0, 1)) for one in shares]
    bins = np.ceil(THRESHOLDS * CANDIDATES).astype(int)
    blend, cut, _ = max((_on_grid(training, blend, bins) for blend in blends), key=lambda found: found[2])
    return Choice(blend, Cut(cut))


def _on_grid(training: TrainingSet, blend: Blend, bins: NDArray[np.int64]) -> tuple[Blend, int, float]:
    """Find the best of these bins, and its Dice."""
    allowed = bins[bins >= training.counts.floor(blend)]
    dice = dice_of(training.counts.total(blend, folds=training.folds)[allowed], training.truth)
    best = int(np.argmax(dice))
    return blend, int(allowed[best]), float(dice[best])


def true_dice(active: Active) -> Truth:
    """Return a function that measures the Dice of a frozen choice on a population."""
    counts = BlendCounts(active)
    return lambda choice: Counts.of(counts.records(choice)).dice


def run(path: Path, studies: int, seed: int, variants: Variants) -> list[dict[str, Any]]:
    """Run what is missing of this many studies of every cell, and keep all in a file."""
    rows: list[dict[str, Any]] = json.loads(path.read_text())["studies"] if path.is_file() else []
    done = {(row["study"], row["groups"], row["world"], row["folds"]) for row in rows if row["seed"] == seed}
    truths: dict[str, Truth] = {}
    saved = time.monotonic()
    for number, groups, world in product(range(studies), GROUPS, WORLDS):
        folds = [one for one in FOLDS if number % SPARSE.get(one, 1) == 0]
        missing = [one for one in folds if (number, groups, world, one) not in done]
        place = list(WORLDS).index(world)
        if missing and world not in truths:
            truths[world] = true_dice(population(WORLDS[world], POPULATION, np.random.default_rng([seed, place])))
        source = [seed, place, groups, number]
        scenes = draw(WORLDS[world], groups, np.random.default_rng(source)) if missing else None
        for one in missing:
            assert scenes is not None
            found = study(Cell(world, groups, one), scenes, source, variants, truths[world])
            rows.append({"seed": seed, "study": number, **found})
        if time.monotonic() - saved > SAVE:
            write_json(path, {"studies": rows})
            saved = time.monotonic()
    write_json(path, {"studies": rows})
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sum the studies up: a row for each cell and way."""
    cells: dict[Cell, list[dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault(Cell(row["world"], row["groups"], row["folds"]), []).append(row["figures"])
    lines = []
    for cell, figures in cells.items():
        true = {name: np.array([one[name][1] for one in figures]) for name in figures[0]}
        best = max(true, key=lambda name: true[name].mean())
        for name, values in true.items():
            off = np.array([one[name][0] for one in figures]) - values
            regret = true[best] - values
            lines.append(
                {
                    **vars(cell),
                    "way": name,
                    "studies": len(figures),
                    "true": float(values.mean()),
                    "off": float(np.abs(off).mean()),
                    "bias": float(off.mean()),
                    "bias_error": _error(off),
                    "regret": float(regret.mean()),
                    "regret_error": _error(regret),
                    "best": best,
                }
            )
    return lines


def _error(values: NDArray[np.float64]) -> float:
    """Standard error of a mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ties", default=f"{TIE_Z:g}", help="z up to which auto takes the simpler candidate: 0,0.5,1")
    parser.add_argument("--product", action="store_true", help="also choose weights and min-pixels at once")
    args = parser.parse_args(argv)
    variants = Variants(tuple(float(tie) for tie in args.ties.split(",")), args.product)
    print(f"{'world':9} groups folds studies {'way':20} {'true':>6} {'|off|':>6} {'bias':>15} {'regret':>15}")
    for one in summary(run(args.json, args.studies, args.seed, variants)):
        cell = f"{one['world']:9} {one['groups']:6} {one['folds']:5} {one['studies']:7} {one['way']:20}"
        off = f"{one['true']:.4f} {one['off']:.4f} {one['bias']:+.4f} ± {one['bias_error']:.4f}"
        print(f"{cell} {off} {one['regret']:.4f} ± {one['regret_error']:.4f}")


if __name__ == "__main__":
    main()
