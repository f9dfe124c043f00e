"""Which members an ensemble is made of: those that fit a budget, and no more than are worth their cost.

Both are judged by the cross-fitted Dice of equal weights, so that a line-up is not chosen by weights that were
fitted to it. In: a options and a training set. Out: members, by index, and the decisions.
"""

from collections.abc import Callable, Sequence

from core.bootstrap import paired_gain
from core.dice import Counts
from core.errors import UserError
from ensemble.counts import TrainingSet
from ensemble.strategy import RELIABLE_Z, Budget, Decision, FitOptions, Strategy, crossed

Members = tuple[int, ...]
Note = Callable[[Decision], None]


def line_up(options: FitOptions, training: TrainingSet, note: Note) -> Members:
    """The members in sight that the options keeps."""
    members = training.members if options.budget is None else affordable(training, options.budget)
    return pruned(training.among(members), note) if options.prune and len(training.folds) > 1 else members


def affordable(training: TrainingSet, budget: Budget) -> Members:
    """The better of two greedy selections within the budget: by Dice, and by Dice gained per second.

    Raises UserError where no member fits.
    """
    by_dice = _grown(training, budget, lambda gain, cost: gain)
    by_rate = _grown(training, budget, lambda gain, cost: gain / max(cost, 1e-9))
    if not by_dice:
        cheapest = min(budget.costs[member] for member in training.members)
        raise UserError(
            f"no member fits a budget of {budget.seconds / 3600:.2g} h: the cheapest takes {cheapest / 3600:.2g} h; "
            "give more hours, fewer records, or predict with fewer folds or views"
        )
    return max((by_dice, by_rate), key=lambda members: _dice(training, members))


def _grown(training: TrainingSet, budget: Budget, worth: Callable[[float, float], float]) -> Members:
    """Add the member of most worth that is affordable until none is, or none helps."""
    taken: list[int] = []
    reached = 0.0
    while True:
        left = budget.seconds - sum(budget.costs[member] for member in taken)
        options = [m for m in training.members if m not in taken and budget.costs[m] <= left]
        gains = {member: _dice(training, [*taken, member]) - reached for member in options}
        helpful = {member: gain for member, gain in gains.items() if gain > 0 or not taken}
        if not helpful:
            return tuple(sorted(taken))
        best = max(helpful, key=lambda member: worth(helpful[member], budget.costs[member]))
        taken.append(best)
        reached += helpful[best]


def pruned(training: TrainingSet, note: Note) -> Members:
    """Backward elimination: what is left is within one standard error of all members.

    The member without which the others do best leaves first, as long as they lose no more than one standard error
    against all of them together; it ends where the first would cost more.
    """
    groups = training.counts.groups_of(training.folds)
    everyone = crossed(training, Strategy())
    members = training.members
    while len(members) > 1:
        smaller = [tuple(kept for kept in members if kept != member) for member in members]
        best = max(smaller, key=lambda some: _dice(training, some))
        gain = paired_gain(crossed(training, Strategy(members=best)), everyone, groups)
        gone = next(member for member in members if member not in best)
        leaves = gain.z >= -RELIABLE_Z
        name = training.counts.active.members[gone]
        note(Decision("members", f"without {name}", "all members", gain, leaves))
        if not leaves:
            break
        members = best
    return members


def _dice(training: TrainingSet, members: Sequence[int]) -> float:
    return Counts.of(crossed(training, Strategy(members=tuple(sorted(members))))).dice
