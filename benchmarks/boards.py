"""Does the leaderboard claim differences that there are not? Simulated boards of members whose truth is known.

    python -m benchmarks.boards [--boards N] [--seed S] [--json FILE]

Members of equal skill score on scenes of `selection_worlds`, each cross-fitted over five folds, as on the leaderboard.
Prints for each number of members and of scene groups: the share of boards that call any member behind the first, by
simultaneous intervals and by single ones; and, with one member better than all others, its true lead, the share of
boards on which it is first, and on which all others, and on average how many of them, are called behind it.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection_worlds import draw, folded
from core.dice import Counts
from core.simultaneous import behind_best
from core.uncertainty import paired_gain
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.fitting import score_choice
from ensemble.strategy import Strategy

MEMBERS = (8, 16, 40)
GROUPS = (39, 130, 650)
FOLDS = 5
NOISE, BETTER = 0.9, 0.6  # of the members, and of the one that is better


def board(noise: tuple[float, ...], groups: int, rng: np.random.Generator) -> tuple[list[NDArray[np.int64]], list[str]]:
    """Score members of this noise: cross-fitted counts (n, 3) of each, and the records' groups."""
    active, names = folded(draw(noise, groups, rng), FOLDS, rng)
    everything = TrainingSet(BlendCounts(active, names), range(FOLDS))
    scored = [score_choice(name, everything, Strategy(members=(m,)).choose) for m, name in enumerate(active.members)]
    return [one.counts for one in scored], names


def measure(members: int, groups: int, boards: int, seed: int) -> dict[str, Any]:
    """Figures of boards of equal members, and of boards on which the first member is better."""
    found: list[dict[str, float]] = []
    for number in range(boards):
        rng = np.random.default_rng([seed, members, groups, number])
        counts, names = board((NOISE,) * members, groups, rng)
        best = max(counts, key=lambda one: Counts.of(one).dice)
        equal = {
            "claims": any(one.low > 0 for one in behind_best(counts, names)),
            "claims_of_single_intervals": any(paired_gain(best, one, names).z > 1.96 for one in counts),
        }
        counts, names = board((BETTER, *(NOISE,) * (members - 1)), groups, rng)
        dice = [Counts.of(one).dice for one in counts]
        first = max(dice) == dice[0]
        behind = [first and one.low > 0 for one in behind_best(counts, names)[1:]]
        better = {"lead": dice[0] - float(np.mean(dice[1:])), "better_is_first": first, "all_behind": all(behind)}
        found.append({**equal, **better, "share_behind": float(np.mean(behind))})
    figures = {name: round(float(np.mean([one[name] for one in found])), 4) for name in found[0]}
    return {"members": members, "groups": groups, "boards": boards, **figures}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    rows = []
    for members, groups in product(MEMBERS, GROUPS):
        rows.append(measure(members, groups, args.boards, args.seed))
        print("  ".join(f"{name} {value:g}" for name, value in rows[-1].items()), flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
