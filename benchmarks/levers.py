"""What is a lever worth? A recipe with and without it: same folds and seeds, equal processor minutes, paired.

    python -m benchmarks.levers --data DIR [--data DIR] --runs RUNS [LEVER ...] [--set KEY=VALUE ...]
        [--member lite0-fc-t5] [--epochs 6] [--seeds 3] [--cost 1] [--json FILE]

Without names, every lever of LEVERS; with --set, one lever of these keys. Each side trains all folds with every seed
through `zoo train --with-val`; complete runs are reused, so a run that was cut off goes on. A lever whose epochs cost
more (`cost`) gets fewer of them. Dice: the threshold of the other folds, counts summed over the seeds. Printed: the
mean of both sides, the spread over seeds, the paired difference with its interval over scene groups, and the processor
minutes of training. An interval says how sure the difference is on other scenes; the spread, on other seeds.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dice import Counts
from core.errors import UserError
from core.uncertainty import dice_difference, dice_interval
from ensemble.member_scores import score_member
from pipeline.labels import open_labels
from zoo import train
from zoo.data import Scenes, open_scenes
from zoo.members import Recipe, load_member, parse_setting, with_settings
from zoo.predictions import MemberMaps, PredictionSet
from zoo.runs import Store
from zoo.runs.find import run_total
from zoo.workflows.reuse import TrainedRun


@dataclass(frozen=True, kw_only=True)
class Lever:
    """Keys that differ, the cost of its epochs in epochs of the base, and the views that it predicts with."""

    sets: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)  # keys of both sides
    cost: float = 1.0
    tta: str = "none"


LEVERS = {
    "d4 views": Lever(tta="d4"),
    "d4 views, not registered": Lever(tta="d4", base={"registered": False}),
    "registered": Lever(base={"registered": False}, sets={"registered": True}),
    "ema": Lever(sets={"ema": 0.99}),
    "bce": Lever(sets={"loss": "bce"}),
    "shift, scale, rotate": Lever(sets={"augment": "d4+shift_scale_rotate"}),
    "hard records": Lever(sets={"sample_hard": 0.3}),
    "boundary": Lever(base={"loss": "bce"}, sets={"loss": "bce+0.01*boundary"}),
    "label head": Lever(sets={"label_head": True}),
    "record head": Lever(sets={"record_head": 0.1}),
    "jitter": Lever(sets={"jitter": 0.2}),
    "crops of 256 pixels": Lever(sets={"crop": 0}, cost=0.25),
    "size 512": Lever(sets={"size": 512, "crop": 64}),
}


@dataclass(frozen=True, eq=False)
class Side:
    """Counts of one side: (seeds, records, 3) int64, and what it took."""

    counts: NDArray[np.int64]
    groups: NDArray[np.int64]
    epochs: int
    minutes: float

    @property
    def dice(self) -> list[float]:
        """Dice of each seed."""
        return [Counts.of(one).dice for one in self.counts]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Scenes, split and place of the runs of both sides."""

    scenes: Scenes
    store: Store
    seeds: int
    epochs: int

    def compare(self, name: str, member: Recipe, lever: Lever) -> dict[str, Any]:
        """Train and score both sides; returns a row of the table."""
        base = with_settings(member, dict(lever.base))
        changed = with_settings(base, dict(lever.sets))
        without = self.side(base, self.epochs)
        having = self.side(changed, max(1, round(self.epochs / lever.cost)), lever.tta)
        first, second = (side.counts.sum(axis=0) for side in (having, without))
        gain, value = dice_difference(first, second, without.groups), dice_interval(first, without.groups)
        return {
            "lever": name, "member": member.name, "seeds": self.seeds, "records": len(first),
            "dice_without": float(np.mean(without.dice)), "dice": float(np.mean(having.dice)),
            "interval": value.bounds, "gain": gain.value, "gain_interval": gain.bounds,
            "spread_without": _spread(without.dice), "spread": _spread(having.dice),
            "epochs_without": without.epochs, "epochs": having.epochs,
            "minutes_without": without.minutes, "minutes": having.minutes,
        }  # fmt: skip

    def side(self, recipe: Recipe, epochs: int, tta: str = "none", seed: int = 0) -> Side:
        """Train all folds of a recipe with every seed from `seed` on, and count what its maps find."""
        recipe = with_settings(recipe, {"epochs": epochs})
        trained = train(recipe, self.scenes, self.store, seeds=self.seeds, seed=seed, with_val=True, tta=tta, jobs=1)
        ref = trained[-1].run.ref  # a soup comes behind the runs that it averages
        runs = [run for run in trained if run.run.ref == ref]
        minutes = sum(run_total(run.run, run.ended.result, "cpu_seconds") for run in runs) / 60
        members = _by_seed(runs)
        labels = open_labels(self.store, self.scenes, members)
        ids = labels.predicted_by(members[0])
        scores = [score_member(one, ids, labels.mask, labels.folds) for one in members]
        counts = np.stack([score.scored.counts for score in scores])
        return Side(counts, scores[0].counts.groups, epochs, minutes)


def _by_seed(runs: Sequence[TrainedRun]) -> list[MemberMaps]:
    """Maps of each seed of a recipe."""
    sets: dict[int, list[PredictionSet]] = {}
    for run in runs:
        if run.predictions:
            sets.setdefault(run.run.seed, []).append(run.predictions)
    return [MemberMaps(str(runs[0].run.ref), tuple(found)) for found in sets.values()]


def _spread(values: Sequence[float]) -> float:
    """Standard deviation over the seeds; 0 for one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def line(row: Mapping[str, Any]) -> str:
    """Row of the printed table."""
    low, high = row["gain_interval"] or (float("nan"),) * 2
    return (
        f"{row['lever']:28} {row['dice_without']:.4f} ± {row['spread_without']:.4f}  {row['dice']:.4f} ± "
        f"{row['spread']:.4f}  {row['gain']:+.4f} ({low:+.4f} to {high:+.4f})  {row['seeds']} seeds, "
        f"{row['epochs_without']} and {row['epochs']} epochs, "
        f"{row['minutes_without']:.0f} and {row['minutes']:.0f} CPU minutes"
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("levers", nargs="*", metavar="LEVER", help=f"any of {', '.join(LEVERS)}")
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--set", action="append", dest="sets", help="key=value of a lever of its own")
    parser.add_argument("--base", action="append", default=[], help="key=value of both sides")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cost", type=float, default=1.0, help="epochs of the base that an epoch of --set costs")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    if unknown := [name for name in given.levers if name not in LEVERS]:
        parser.error(f"no lever {unknown[0]!r}; give any of {', '.join(LEVERS)}")
    if given.cost <= 0 or (given.cost != 1 and not given.sets):
        parser.error("--cost: give the cost of an epoch of --set, above 0")
    sets = dict(map(parse_setting, given.sets or []))
    own = {", ".join(given.sets): Lever(sets=sets, cost=given.cost)} if sets else {}
    levers = own | {name: LEVERS[name] for name in given.levers} or LEVERS
    bench = Bench(scenes=open_scenes(given.data), store=Store(given.runs), seeds=given.seeds, epochs=given.epochs)
    member = with_settings(load_member(given.member), dict(map(parse_setting, given.base)))
    rows = []
    for name, lever in levers.items():
        rows.append(bench.compare(name, member, lever))
        print(line(rows[-1]), flush=True)
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
