"""Backward elimination of members at equal weights: nested sets, from all members down to two.

In: a training set. Out: sets of members by their size. Stays outside: selecting and scoring a set.
"""

from ensemble.counts import TrainingSet
from ensemble.weights.uniform import uniform

SHARES = (0.75, 0.5, 0.25)  # of the members that elimination keeps, besides all but one, and two

Members = tuple[int, ...]


def kept_sizes(size: int) -> list[int]:
    """Sizes to which `size` members are reduced, in descending order; none for fewer than three."""
    sizes = {size - 1, 2, *(round(size * share) for share in SHARES)}
    return sorted((one for one in sizes if 2 <= one < size), reverse=True)


def eliminated(training: TrainingSet) -> dict[int, Members]:
    """Reduce the members to each of `kept_sizes`, by removing those without which the rest has the highest Dice.

    Members that are removed in one step are ranked one by one, by the best in-sample Dice of all others.
    """
    key = ("eliminated", training.folds, training.members)
    return training.counts.once(key, lambda: _eliminate(training))


def _eliminate(training: TrainingSet) -> dict[int, Members]:
    sets: dict[int, Members] = {}
    members = training.members
    for size in kept_sizes(training.size):
        without = {one: _dice(training, [other for other in members if other != one]) for one in members}
        leaving = sorted(members, key=lambda one: -without[one])[: len(members) - size]
        members = sets[size] = tuple(one for one in members if one not in leaving)
    return sets


def _dice(training: TrainingSet, members: list[int]) -> float:
    return training.dice(uniform(training.among(members)))
