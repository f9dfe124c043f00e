"""Choice of members: those that fit into a budget, and those that equal weights cannot spare.

Both use the cross-fitted Dice of equal weights, so that members are not chosen by weights that were fitted to them.
In: `FitOptions` and a training set. Out: indices of members, and the decisions.
"""

from collections.abc import Callable, Sequence

from core.dice import Counts
from core.errors import UserError
from core.uncertainty import paired_gain
from ensemble.counts import TrainingSet
from ensemble.elimination import Members
from ensemble.strategy import RELIABLE_Z, Budget, Decision, FitOptions, Strategy, comparable, cross_fitted_counts

OnDecision = Callable[[Decision], None]


def choose_members(options: FitOptions, training: TrainingSet, on_decision: OnDecision) -> Members:
    """Choose among the visible members by the budget, then by pruning, as the options say."""
    members = training.members if options.budget is None else affordable(training, options.budget)
    prune = options.prune and comparable(training)
    return pruned(training.among(members), on_decision) if prune else members


def affordable(training: TrainingSet, budget: Budget) -> Members:
    """Choose the better of two greedy selections within the budget: by Dice, and by Dice gained per second.

    Raises UserError if no member fits.
    """
    by_dice = _grown(training, budget, lambda gain, cost: gain)
    by_rate = _grown(training, budget, lambda gain, cost: gain / max(cost, 1e-9))
    if not by_dice:
        cheapest = min(budget.costs[member] for member in training.members)
        raise UserError(
            f"no member fits into a budget of {budget.seconds / 3600:.2g} h: the cheapest takes "
            f"{cheapest / 3600:.2g} h; give more hours, fewer records, or predict with fewer folds or views"
        )
    return max((by_dice, by_rate), key=lambda members: _dice(training, members))


def _grown(training: TrainingSet, budget: Budget, value: Callable[[float, float], float]) -> Members:
    """Add the affordable member of highest value until none is affordable, or none helps."""
    taken: list[int] = []
    reached = 0.0
    while True:
        left = budget.seconds - sum(budget.costs[member] for member in taken)
        options = [m for m in training.members if m not in taken and budget.costs[m] <= left]
        gains = {member: _dice(training, [*taken, member]) - reached for member in options}
        helpful = {member: gain for member, gain in gains.items() if gain > 0 or not taken}
        if not helpful:
            return tuple(sorted(taken))
        best = max(helpful, key=lambda member: value(helpful[member], budget.costs[member]))
        taken.append(best)
        reached += helpful[best]


def pruned(training: TrainingSet, on_decision: OnDecision) -> Members:
    """Eliminate members backwards while the rest stays within one standard error of all members.

    Each step leaves out the member without which the others do best, and stops at the first that would cost more than
    one standard error against all members together.
    """
    groups = training.counts.groups_of(training.folds)
    everyone = cross_fitted_counts(training, Strategy())
    members = training.members
    while len(members) > 1:
        smaller = [tuple(kept for kept in members if kept != member) for member in members]
        best = max(smaller, key=lambda some: _dice(training, some))
        counts = cross_fitted_counts(training, Strategy(members=best))
        gain = paired_gain(counts, everyone, groups)
        gone = next(member for member in members if member not in best)
        leaves = gain.z >= -RELIABLE_Z
        name = training.counts.active.members[gone]
        on_decision(Decision("members", f"without {name}", "all members", gain, Counts.of(counts).dice, leaves))
        if not leaves:
            break
        members = best
    return members


def _dice(training: TrainingSet, members: Sequence[int]) -> float:
    return Counts.of(cross_fitted_counts(training, Strategy(members=tuple(sorted(members))))).dice
