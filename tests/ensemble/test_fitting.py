"""Fitting is honest: what is scored was not seen, and what is not earned is not taken."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.dice import Counts
from core.errors import UnknownName, UsageError, UserError
from core.uncertainty import dice_difference, paired_gain
from ensemble import FitOptions
from ensemble.blend import TOTAL, table
from ensemble.counts import BlendCounts, Choice, TrainingSet
from ensemble.crossfit import cross_fit
from ensemble.fitting import fit_active
from ensemble.selection import select
from ensemble.strategy import Budget, Decision, Strategy
from ensemble.surface import Cut
from ensemble.warnings import warnings_of
from tests.ensemble.cases import Case, cut_counts, dense_bins, streak_case
from tests.heard import Heard


def test_in_sample_counts_are_those_of_the_masks(rng):
    case = streak_case(rng)
    result = fit_active(case.active(eps=13)).result
    bins = dense_bins(case, result.choice.blend.weights, table(result.choice.blend.table))
    assert_array_equal(result.in_sample, cut_counts(case, bins, result.choice.cut))


def test_every_fold_is_scored_by_a_choice_that_did_not_see_it(rng):
    case = streak_case(rng, noise=(1.0, 2.0, 3.0))
    plans = (
        (FitOptions(), (1,)),
        (FitOptions("search", "component"), (0,)),
        (FitOptions("stack", "image"), (2,)),
        (FitOptions(prune=True, budget=Budget(10, (3, 6, 9))), (3,)),
    )
    for options, folds in plans:
        whole = fit_active(case.active(eps=13), options=options).result.crossed
        for fold in folds:
            rest = case.folds != fold
            alone = fit_active(
                Case(case.maps[:, rest], case.masks[rest], case.folds[rest]).active(eps=13), options=options
            )
            assert alone.result.choice == whole.choices[fold]


def test_a_planted_leak_is_not_rewarded(rng):
    """A member that knows the labels of one fold by heart."""
    case = streak_case(rng, folds=2, noise=(2.0, 2.0, 6.0))
    maps = case.maps.copy()
    maps[2, case.folds == 0] = np.where(case.masks[case.folds == 0], 255, 0)
    options = FitOptions("greedy", "none")
    clean = fit_active(case.active(eps=13), options=options).result
    leaky = fit_active(Case(maps, case.masks, case.folds).active(eps=13), options=options).result
    assert leaky.crossed.choices[0] == clean.crossed.choices[0]
    assert leaky.choice.blend.weights[2] > clean.choice.blend.weights[2]
    assert leaky.crossed.dice < Counts.of(leaky.in_sample).dice


def test_pooled_counts_stand_in_the_order_of_the_records(rng):
    case = streak_case(rng)
    counts = BlendCounts(case.active(eps=13))
    everything = TrainingSet(counts, counts.folds)
    crossed = cross_fit(everything, lambda part: Choice(part.blend([1, 1, 1]), Cut(400)))
    assert_array_equal(crossed.counts, counts.records(Choice(everything.blend([1, 1, 1]), Cut(400))))


def test_equal_members_keep_equal_weights(rng):
    case = streak_case(rng, noise=(1.2, 1.2, 1.2), records=40)
    result = fit_active(case.active(eps=13), options=FitOptions("auto", "none"))
    weights = np.array(result.result.choice.blend.weights)
    assert np.abs(weights / TOTAL - 1 / 3).max() < 0.2
    assert result.decisions[0].gain.value < 0.01


def test_a_useless_member_is_found_out_and_the_gain_is_shown(rng):
    case = streak_case(rng, noise=(1.0, 1.0), records=40)
    noise = rng.permutation(case.maps[0].ravel()).reshape(case.maps[0].shape)
    result = fit_active(Case(np.stack([*case.maps, noise, noise]), case.masks, case.folds).active(eps=13))
    taken = next(decision for decision in result.decisions if decision.taken)
    assert taken.question == "weights"
    assert taken.gain.z > 2
    assert sum(result.result.choice.blend.weights[2:]) < 0.1 * TOTAL
    assert result.difference(result.uniform).low > 0


def test_specks_bring_min_pixels_in_and_clean_maps_do_not(rng):
    clean = np.zeros((1, 24, 32, 32), np.uint8)
    masks = np.zeros((24, 32, 32), bool)
    masks[:, 10:12, 4:28] = True
    clean[0][masks] = 200
    specks = clean.copy()
    specks[0][(rng.random(masks.shape) < 0.02) & ~masks] = 220
    folds = np.sort(np.arange(24) % 3)
    assert fit_active(Case(clean, masks, folds).active()).strategy.mode == "none"
    result = fit_active(Case(specks, masks, folds).active())
    assert result.strategy.mode == "component"
    assert result.result.choice.cut.k > 1
    assert [decision.answer for decision in result.decisions][-1] == "taken"


def test_a_method_named_by_the_user_is_applied_as_named(rng):
    case = streak_case(rng, noise=(1.0, 1.0, 1.0))
    result = fit_active(case.active(eps=13), options=FitOptions("best", "image"))
    assert result.strategy == Strategy("best", mode="image")
    assert result.result.choice.cut.mode == "image"
    assert [decision.question for decision in result.decisions] == ["weights", "min-pixels"]
    assert all(decision.answer.startswith("as asked") for decision in result.decisions)
    not_earned = [decision for decision in result.decisions if decision.gain.z <= 1]
    assert len([line for line in warnings_of(result) if "not reliable" in line]) == len(not_earned)


def test_ratios_are_taken_as_given(rng):
    options = FitOptions("ratios", "none", ratios="m0=3,m1+m2=1")
    result = fit_active(streak_case(rng).active(eps=13), options=options)
    assert result.result.choice.blend.weights == (TOTAL * 3 // 4, TOTAL // 8, TOTAL // 8)
    assert {choice.blend for choice in result.result.crossed.choices} == {result.result.choice.blend}
    assert result.strategy.title == "ratios"


@pytest.mark.parametrize("options", [{"method": "ratios"}, {"ratios": "a=1"}])
def test_ratios_need_their_method_and_the_method_its_ratios(options):
    with pytest.raises(UsageError, match="go together"):
        FitOptions(**options)


def test_one_fold_cannot_be_cross_fitted(rng):
    case = streak_case(rng, folds=1)
    result = fit_active(case.active(eps=13))
    assert result.result.crossed is None
    assert result.strategy == Strategy("uniform")
    assert_array_equal(result.result.counts, result.result.in_sample)


def test_with_two_folds_nothing_is_decided(rng):
    """What one fold decides alone would be scored in the name of what both decide."""
    case = streak_case(rng, folds=2, noise=(1.0, 3.0))
    result = fit_active(case.active(eps=13), options=FitOptions(prune=True))
    assert result.strategy == Strategy("uniform")
    assert result.decisions == ()
    assert {choice.blend for choice in result.result.crossed.choices} == {result.result.choice.blend}
    assert (
        Strategy("greedy", mode="image")
        == fit_active(case.active(eps=13), options=FitOptions("greedy", "image")).strategy
    )


def test_a_group_in_two_folds_is_refused(rng):
    case = streak_case(rng)
    groups = ["same" if index in (0, 23) else str(index) for index in range(24)]
    with pytest.raises(UserError, match="scene group same is in fold 0 and fold 3"):
        fit_active(case.active(), groups)


def test_the_delta_method_agrees_with_drawing(rng):
    case = streak_case(rng, records=120, noise=(1.0, 1.6))
    counts = BlendCounts(case.active(eps=13))
    part = TrainingSet(counts, counts.folds)
    first, second = (counts.records(Strategy(members=(m,)).choose(part)) for m in (0, 1))
    gain = paired_gain(first, second, counts.groups)
    drawn = dice_difference(first, second, [str(group) for group in counts.groups])
    assert gain.value == pytest.approx(drawn.value)
    assert gain.error == pytest.approx(drawn.error, rel=0.15)


def test_progress_is_told_of_every_stage(rng):
    for folds, stages in ((1, 2), (3, 5)):
        heard = Heard()
        fit_active(streak_case(rng, folds=folds).active(eps=13), listener=heard)
        assert heard.tasks == {"fitting": [stages, stages]}


def test_threads_leave_the_fit_alone(rng, monkeypatch):
    monkeypatch.setattr("ensemble.surface.TASK_PIXELS", 100)
    active = streak_case(rng).active(eps=13)
    one, many = fit_active(active), fit_active(active, jobs=3)
    assert one.result.choice == many.result.choice
    assert_array_equal(one.result.crossed.counts, many.result.crossed.counts)


def test_dice_of_the_fit_is_that_of_its_counts(rng):
    result = fit_active(streak_case(rng).active(eps=13))
    assert result.estimate(result.result.counts).value == Counts.of(result.result.counts).dice


def test_a_refused_word_is_answered_with_the_special_words_too():
    with pytest.raises(UnknownName, match="known: auto, component, image, none"):
        FitOptions(min_pixels="foo")
    with pytest.raises(UnknownName, match="known: auto, .*, ratios, "):
        FitOptions("7")


@pytest.mark.parametrize("options", [("gredy", "auto"), ("auto", "imag")])
def test_a_plan_of_unknown_words_is_refused(options):
    with pytest.raises(UnknownName, match="did you mean"):
        FitOptions(*options)


def test_decisions_without_two_folds_are_not_made(rng):
    counts = BlendCounts(streak_case(rng).active(eps=13))
    noted: list[Decision] = []
    assert select(FitOptions(), TrainingSet(counts, [1]), noted.append) == Strategy("uniform")
    assert noted == []
