"""How much too high is a Dice whose epoch was chosen by it? Simulated runs whose true Dice is known.

    python -m benchmarks.epoch_choice [--json FILE] [--studies N] [--runs RUNS]

A study is a recipe on five folds. The true Dice of a run rises towards its last epoch (in the world `falls`, towards
the 17th of 24), with a jitter from epoch to epoch that each fold has of its own, so that choosing an epoch can pay. A
fold measures it on its scene groups: two fifths have contrails, of log-normal size, and the share that is found varies
by group and, independently, by group and epoch: little where the epochs are similar, more where they are loose. Rules:

    own         the best epoch of all by the fold itself, as releases did before
    last        the last epoch
    others      of the candidates of `zoo.epoch_choice`, the best by the other folds, as `zoo train` does
    half        each half of the fold by the best candidate of its other half, which needs the counts of all epochs

A row: world, groups (a fold), rule, bias (the Dice of a fold less the true Dice of its run at the epoch, on average;
less the mean error of all epochs, which no rule can choose and which is 0 on average), true (the true Dice at the epoch
less that of `last`), their standard errors, studies. With --runs, the mean Dice over the
folds of each recipe there by the rules that need no more than its curves.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.epoch_choice import candidate_epochs, ranked_epochs
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs
from zoo.runs.run import EndedRun

FOLDS, EPOCHS = 5, 24
GROUPS = (45, 130, 600)
STUDIES = 400
SEED = 3
POSITIVE, SPREAD = 0.4, 1.2  # share of groups with contrails; sigma of the logarithm of their size
FOUND, RISE, JITTER = 0.6, 0.08, 0.003  # share of pixels found at the end; how much less at first; by run and epoch
BY_GROUP = 0.2  # standard deviation of the share found, by group
WORLDS = {"similar": (0.018, 1.0), "loose": (0.035, 1.0), "falls": (0.018, 0.7)}  # by group and epoch; when it is best

CANDIDATES = candidate_epochs(EPOCHS)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fold:
    """Counts of a fold after each epoch, as many pixels predicted as there are true ones, and the true Dice."""

    size: Floats  # (groups,) contrail pixels
    hits: Floats  # (groups, epochs)
    true: Floats  # (epochs,)

    @property
    def error(self) -> float:
        """Mean error of the Dice over all epochs."""
        return float((self.dice() - self.true).mean())

    def dice(self, groups: slice = slice(None)) -> Floats:
        """Dice on these groups after each epoch; (epochs,)."""
        measured: Floats = self.hits[groups].sum(axis=0) / self.size[groups].sum()
        return measured


def draw(rng: np.random.Generator, groups: int, noise: float, best: float) -> Fold:
    """Draw a run and the scene groups that it holds out; the first and the last group have contrails."""
    rise = (np.arange(1, EPOCHS + 1) / EPOCHS - best) ** 2
    true = FOUND - RISE * rise + rng.normal(0, JITTER, EPOCHS)
    size = rng.lognormal(0, SPREAD, groups) * (rng.random(groups) < POSITIVE)
    size[[0, -1]] = rng.lognormal(0, SPREAD, 2)
    found = true + rng.normal(0, BY_GROUP, (groups, 1)) + rng.normal(0, noise, (groups, EPOCHS))
    return Fold(size, size[:, None] * found, true)


def judged(folds: Sequence[Fold]) -> dict[str, tuple[float, float]]:
    """Mean over the folds of bias and true Dice at the epoch that each rule chooses."""
    curves = {str(number): fold.dice().tolist() for number, fold in enumerate(folds)}
    rows: dict[str, list[tuple[float, float]]] = {}
    for number, fold in enumerate(folds):
        dice = fold.dice()
        epochs = {
            "own": int(dice.argmax()),
            "last": EPOCHS - 1,
            "others": ranked_epochs(curves, str(number), CANDIDATES)[0] - 1,
        }
        for rule, epoch in epochs.items():
            rows.setdefault(rule, []).append((dice[epoch] - fold.true[epoch] - fold.error, fold.true[epoch]))
        rows.setdefault("half", []).append(_by_halves(fold))
    return {rule: tuple(np.mean(found, axis=0).tolist()) for rule, found in rows.items()}


def _by_halves(fold: Fold) -> tuple[float, float]:
    """Bias and true Dice where each half of the groups takes the best candidate of the other half."""
    middle = len(fold.size) // 2
    halves = slice(middle), slice(middle, None)
    allowed = np.array(CANDIDATES) - 1
    chosen = [int(allowed[fold.dice(other)[allowed].argmax()]) for other in reversed(halves)]
    hits = sum(fold.hits[half, epoch].sum() for half, epoch in zip(halves, chosen))
    true = sum(fold.true[epoch] * fold.size[half].sum() for half, epoch in zip(halves, chosen)) / fold.size.sum()
    return float(hits / fold.size.sum() - true - fold.error), float(true)


def cell(world: str, groups: int, studies: int) -> Iterator[dict[str, Any]]:
    """Row of each rule."""
    found = []
    for study in range(studies):
        rng = np.random.default_rng([SEED, groups, study])
        found.append(judged([draw(rng, groups, *WORLDS[world]) for _ in range(FOLDS)]))
    last = np.array([rules["last"][1] for rules in found])
    for rule in found[0]:
        bias, true = np.array([rules[rule] for rules in found]).T
        figures = {"bias": bias, "true": true - last}
        means = {key: float(values.mean()) for key, values in figures.items()}
        errors = {f"{key}_error": float(values.std()) / len(values) ** 0.5 for key, values in figures.items()}
        rounded = {key: round(value, 5) for key, value in (means | errors).items()}
        yield {"world": world, "groups": groups, "rule": rule, **rounded, "studies": studies}


def of_runs(store: Store) -> Iterator[dict[str, Any]]:
    """Row of each recipe and seed whose folds are all there: mean Dice over the folds, by rule."""
    from zoo.training import read_curve

    for member in store.trained_members():
        for recipe in store.recipes(member):
            by_seed: dict[int, list[EndedRun]] = {}
            for ended in find_runs(store, Ref(member, recipe)):
                if ended.run.fold != "full":
                    by_seed.setdefault(ended.run.seed, []).append(ended)
            for seed, runs in by_seed.items():
                curves = {ended.run.fold: read_curve(ended) for ended in runs}
                candidates = candidate_epochs(runs[0].run.taught.epochs)
                if len(curves) > 1 and candidates:
                    named = {"member": f"{member}@{recipe}", "seed": seed, "folds": len(curves)}
                    yield named | _rules(curves, candidates)


def _rules(curves: dict[str, Any], candidates: Sequence[int]) -> dict[str, float]:
    """Mean Dice over the folds, those without a contrail pixel left out."""
    scored = {fold: curve for fold, curve in curves.items() if curve[-1] is not None}
    at = {
        "own": [max(curve) for curve in scored.values()],
        "last": [curve[-1] for curve in scored.values()],
        "others": [curve[ranked_epochs(curves, fold, candidates)[0] - 1] for fold, curve in scored.items()],
    }
    return {rule: round(float(np.mean(dice)), 4) for rule, dice in at.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="How much too high a Dice is whose epoch was chosen by it.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="Write the rows there, too.")
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--runs", type=Path, help="Runs folder with recipes of which all folds are trained.")
    given = parser.parse_args(arguments)
    rows = [row for world in WORLDS for groups in GROUPS for row in cell(world, groups, given.studies)]
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    real = list(of_runs(Store(given.runs))) if given.runs else []
    for row in real:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    if given.json:
        given.json.write_text(json.dumps([*rows, *real], indent=1) + "\n")


if __name__ == "__main__":
    main()
