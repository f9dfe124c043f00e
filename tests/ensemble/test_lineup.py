"""A line-up fits its budget and holds no member that is not worth its place."""

import numpy as np
import pytest

from core.errors import UserError
from core.uncertainty import paired_gain
from ensemble import FitOptions
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.fitting import fit_active
from ensemble.lineup import affordable, pruned
from ensemble.strategy import Budget, Decision, Strategy, cross_fitted_counts
from tests.ensemble.cases import Case, streak_case


def training(case: Case) -> TrainingSet:
    counts = BlendCounts(case.active(eps=13))
    return TrainingSet(counts, counts.folds)


def with_noise(rng: np.random.Generator, noise: tuple[float, ...]) -> Case:
    """A case whose last member sees nothing."""
    case = streak_case(rng, noise=noise, records=40)
    blind = rng.permutation(case.maps[0].ravel()).reshape(case.maps[0].shape)
    return Case(np.stack([*case.maps, blind]), case.masks, case.folds)


def test_pruning_drops_the_blind_member_first_and_loses_no_standard_error(rng):
    part = training(with_noise(rng, (1.0, 1.0)))
    noted: list[Decision] = []
    kept = pruned(part, noted.append)
    assert 2 not in kept
    assert noted[0].candidate == "without m2"
    assert noted[0].answer == "left out"
    groups = part.counts.groups_of(part.folds)
    assert (
        paired_gain(cross_fitted_counts(part, Strategy(members=kept)), cross_fitted_counts(part, Strategy()), groups).z
        >= -1
    )


def test_pruning_keeps_members_that_are_needed(rng):
    """Each of two members sees one half of every scene."""
    case = streak_case(rng, noise=(0.5, 0.5), records=40)
    maps = case.maps.copy()
    maps[0, :, :, :16], maps[1, :, :, 16:] = 0, 0
    noted: list[Decision] = []
    assert pruned(training(Case(maps, case.masks, case.folds)), noted.append) == (0, 1)
    assert [decision.answer for decision in noted] == ["kept"]


def test_a_budget_is_kept_and_well_spent(rng):
    part = training(with_noise(rng, (0.8, 1.0, 2.0)))
    assert affordable(part, Budget(100, (5, 5, 5, 5)))[0] == 0
    assert affordable(part, Budget(6, (5, 5, 5, 5))) == (0,)
    assert affordable(part, Budget(6, (50, 3, 3, 1))) in {(1,), (1, 2)}
    for seconds in (1, 4, 9):
        costs = (4, 3, 2, 1)
        assert sum(costs[member] for member in affordable(part, Budget(seconds, costs))) <= seconds


def test_the_dear_best_member_does_not_eat_the_budget_of_two_better_ones(rng):
    """By Dice alone the dear member is taken first and leaves nothing for the pair that beats it."""
    case = streak_case(rng, noise=(1.4, 1.5, 1.5), records=40)
    part = training(case)
    chosen = affordable(part, Budget(10, (10, 5, 5)))
    alone = {members: cross_fitted_counts(part, Strategy(members=members)) for members in ((0,), (1, 2))}
    dice = {members: 2 * counts[:, 0].sum() / counts[:, 1:].sum() for members, counts in alone.items()}
    assert chosen == max(dice, key=dice.get)


def test_a_budget_that_buys_nothing_names_the_cheapest(rng):
    with pytest.raises(UserError, match=r"no member fits into a budget of 0\.5 h: the cheapest takes 1 h"):
        affordable(training(streak_case(rng, members=2)), Budget(1800, (3600, 7200)))


def test_a_fit_leaves_out_what_it_says(rng):
    result = fit_active(with_noise(rng, (1.0, 1.0)).active(eps=13), options=FitOptions("uniform", "none", prune=True))
    weights = result.result.choice.blend.weights
    assert result.strategy.members is not None
    assert {member for member, weight in enumerate(weights) if weight} == set(result.strategy.members)
    assert all(choice.blend.weights[2] == 0 for choice in result.result.crossed.choices)
