"""Choice of each fold's epoch by the Dice curves of the other folds.

In: the curves of all folds of a recipe and seed. Out: epochs. Stays outside: files, networks.

If a fold chooses the epoch that it scores, its Dice is too high; docs/honesty.md has the bias.
"""

from collections.abc import Mapping, Sequence
from math import fsum

CANDIDATES = 8  # epochs of a run whose weights are kept until the choice; more would take more disk space

# Dice after each epoch; None after one that is not scored, throughout for a fold without a contrail pixel.
Curve = Sequence[float | None]


def is_scored(epoch: int, planned: int, every: int) -> bool:
    """True if the held-out fold is scored after this epoch, counted from 1: every so many, back from the last one."""
    return (planned - epoch) % every == 0


def candidate_epochs(planned: int, every: int = 1) -> tuple[int, ...]:
    """Epochs whose weights are kept for the choice: at most `CANDIDATES` of the second half, with the last.

    every: epochs from one scoring to the next; the others are no candidates.

    They depend on the schedule alone: keeping weights by their Dice would be a choice by the held-out fold. Empty for a
    single epoch.

    >>> candidate_epochs(12)
    (7, 8, 9, 10, 11, 12)
    >>> candidate_epochs(100)
    (56, 63, 69, 75, 81, 88, 94, 100)
    >>> candidate_epochs(12, every=2)
    (8, 10, 12)
    """
    scored = [epoch for epoch in range(planned // 2 + 1, planned + 1) if is_scored(epoch, planned, every)]
    half, count = len(scored), min(len(scored), CANDIDATES)
    steps = ((2 * half * place + count) // (2 * count) for place in range(1, count + 1))  # rounded half up, in integers
    return tuple(scored[step - 1] for step in steps) if planned > 1 else ()


def ranked_epochs(curves: Mapping[str, Curve], fold: str, candidates: Sequence[int]) -> list[int]:
    """Candidates that all folds reached, in descending order of the mean Dice over the other folds.

    curves: of all folds, by name; of `fold` itself only the length is used. A fold without a contrail pixel has no
    vote. Without any vote, and of equal means, the later epoch comes first.
    """
    reached = min(map(len, curves.values()))
    votes = [curve for name, curve in curves.items() if name != fold and curve and curve[-1] is not None]
    means = {epoch: fsum(curve[epoch - 1] or 0.0 for curve in votes) for epoch in candidates if epoch <= reached}
    return sorted(means, key=lambda epoch: (-means[epoch], -epoch))


def has_vote(curves: Mapping[str, Curve], fold: str) -> bool:
    """True if a fold other than `fold` has a Dice."""
    return any(curve[-1] is not None for name, curve in curves.items() if name != fold and curve)
