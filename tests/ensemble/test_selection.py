"""Auto never loses to its own table, and takes nothing where nothing can be told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.selection_worlds import draw, folded
from core.dice import Counts
from core.uncertainty import paired_gain
from ensemble.counts import TrainingSet
from ensemble.documents import describe
from ensemble.fitting import fit_active
from ensemble.selection import candidates, simplest_of_best
from ensemble.strategy import FitOptions, cross_fitted_counts
from tests.ensemble.cases import Case, streak_case

COUNTS = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=6), min_size=1, max_size=5
)


@given(COUNTS, st.lists(st.integers(0, 20), min_size=6, max_size=6), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_best_does_not_reliably_exceed_what_is_taken_and_all_simpler_are_exceeded(found, truth, tie):
    rows = [np.array([(min(tp, t), min(tp, t) + fp, t) for (tp, fp), t in zip(one, truth)]) for one in found]
    groups = np.array([0, 0, 1, 2, 3, 3])
    taken = simplest_of_best(rows, groups, tie)
    best = max(rows, key=lambda one: Counts.of(one).dice)
    assert paired_gain(best, rows[taken], groups).z <= tie
    assert all(paired_gain(best, one, groups).z > tie for one in rows[:taken])


def test_every_candidate_is_in_the_decisions_and_none_of_them_is_better(rng):
    case = streak_case(rng, noise=(1.0, 1.4, 2.0, 3.0), records=40)
    result = fit_active(case.active(eps=13))
    everything = TrainingSet(result.counts, result.counts.folds)
    weights = [decision for decision in result.decisions if decision.question == "weights"]
    assert [decision.candidate for decision in weights] == [one.title for one in candidates(4)[1:]]
    for decision, one in zip(weights, candidates(4)[1:]):
        assert decision.dice == Counts.of(cross_fitted_counts(everything, one)).dice
    fixed = Counts.of(cross_fitted_counts(everything, result.strategy)).dice
    assert fixed >= max(decision.dice for decision in result.decisions if decision.question == "min-pixels")
    taken = [decision for decision in weights if decision.taken]
    best = max((decision for decision in weights), key=lambda decision: decision.dice)
    assert taken == ([best] if best.gain.value > 0 else [])


def test_the_step_of_a_shrunk_row_is_its_own(rng):
    """Each step towards greedy weights is measured, not the full one under another name."""
    result = fit_active(streak_case(rng, noise=(0.8, 2.5, 2.5), records=40).active(eps=13))
    gains = {one.candidate: one.gain.value for one in result.decisions if one.candidate.startswith("greedy")}
    assert list(gains) == ["greedy*0.25", "greedy*0.5", "greedy*0.75", "greedy"]
    assert len(set(gains.values())) > 1


def test_the_cost_of_selection_is_the_choice_as_if_given_less_the_rule(rng):
    result = fit_active(streak_case(rng, records=40).active(eps=13))
    everything = TrainingSet(result.counts, result.counts.folds)
    fixed = Counts.of(cross_fitted_counts(everything, result.strategy)).dice
    assert result.selection_cost == pytest.approx(fixed - result.result.crossed.dice)
    given = fit_active(result.active, options=FitOptions("greedy", "component"))
    assert given.selection_cost == 0
    assert fit_active(streak_case(rng, folds=1).active(eps=13)).selection_cost is None


def test_contrails_in_a_single_fold_select_nothing(rng):
    """Without it, a choice would be made where there are none, and 0/0 would be a gain."""
    case = streak_case(rng, noise=(1.0, 4.0), records=24)
    masks = case.masks & (case.folds == 2)[:, None, None]
    assert masks.any()
    result = fit_active(Case(case.maps, masks, case.folds).active(eps=13), options=FitOptions(prune=True))
    assert (result.strategy.title, result.strategy.mode, result.strategy.members) == ("uniform", "none", None)
    assert result.decisions == ()
    assert result.selection_cost == 0


def test_pruning_says_what_the_other_folds_left_out(rng):
    case = streak_case(rng, noise=(1.0, 1.0, 5.0), records=40)
    document = describe(fit_active(case.active(eps=13), options=FitOptions("uniform", "none", prune=True)))
    assert "m2" in document["left_out"]
    for fold in document["folds"]:
        assert {name for name, weight in fold["weights"].items() if not weight} == set(fold["left_out"])


def test_forty_members_and_ten_folds_are_fitted_though_their_curves_are_dropped(rng, monkeypatch):
    monkeypatch.setattr("ensemble.weights.greedy.ROUNDS", 1)
    monkeypatch.setattr("ensemble.elimination.SHARES", ())
    monkeypatch.setattr("ensemble.weights.stack.PIXELS", 300)
    monkeypatch.setattr("ensemble.counts.CURVES_KEPT", 900)
    scenes = draw(tuple(np.linspace(0.6, 2.4, 40)), 11, rng)
    result = fit_active(*folded(scenes, 10, rng))
    assert len(result.without) == 10
    assert len([one for one in result.decisions if one.question == "weights"]) == len(candidates(40)) - 1
