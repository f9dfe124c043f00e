"""A member's score: what a fit says of it alone, whatever the level of its threshold."""

import numpy as np
import pytest

from core.dice import Counts, count
from ensemble.active import EPS
from ensemble.fitting import fit_active
from ensemble.loading import out_of_fold
from ensemble.member_scores import behind_first, score_member
from ensemble.out_of_fold import gather
from tests.ensemble.again import write_again
from tests.ensemble.runs import FakeRuns, fake_runs
from zoo.predictions import find_members
from zoo.runs import Ref, Store


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return fake_runs(tmp_path_factory.mktemp("scores"), records=12, noise=(1.0, 2.0))


def read_mask_of(made):
    rows = {record: row for row, record in enumerate(made.case.ids)}
    return lambda record: made.case.masks[rows[record]]


def scores(made: FakeRuns):
    ids = [record for fold in range(made.folds.count) for record in made.folds.records(fold)]
    members = find_members(Store(made.runs))
    return ids, members, [score_member(member, ids, read_mask_of(made), made.folds) for member in members]


def test_it_is_the_fits_figure_for_the_member_alone(made):
    ids, members, found = scores(made)
    active = gather(out_of_fold(members, ids, read_mask_of(made), made.folds))
    fitted = fit_active(active, [made.folds.group_of[record] for record in ids])
    for score, scored in zip(found, fitted.members):
        assert score.scored.counts.tolist() == scored.counts.tolist()
        assert score.dice == fitted.estimate(scored.counts)


def test_a_difference_is_paired_and_none_on_other_records(made):
    ids, members, (first, second) = scores(made)
    fewer = score_member(members[1], ids[:-4], read_mask_of(made), made.folds)
    itself, other, behind = behind_first([first, fewer, second])
    assert (itself.value, other) == (0, None)
    assert behind.value == pytest.approx(first.dice.value - second.dice.value)
    assert behind.low <= behind.value <= behind.high


def test_one_fold_is_in_sample(made):
    _, members, _ = scores(made)
    alone = score_member(members[0], made.folds.records(0), read_mask_of(made), made.folds)
    assert (alone.kind, alone.spread) == ("in_sample", None)
    assert alone.per_fold == {0: alone.dice.value}


def test_a_timid_member_is_cut_below_the_usual_floor(tmp_path):
    """Where all maps lie low, the best threshold is found among the pixels that a fit leaves out at first."""
    made = fake_runs(tmp_path, records=9, noise=(1.0,))
    loud = score_member(find_members(Store(made.runs))[0], *given(made))
    low = made.case.maps[0] // 12
    assert low.max() < EPS
    write_again(made, "m0", low, recipe="timid")
    found = score_member(find_members(Store(made.runs), names=[Ref.parse("m0@timid")])[0], *given(made))
    assert found.threshold < EPS / 255
    assert found.dice.value == pytest.approx(loud.dice.value, abs=0.1)


def test_a_member_that_is_timid_in_some_folds_is_cut_below_the_usual_floor_where_those_choose(tmp_path):
    """On everything its threshold is high; without the loud fold it is lower than what a fit looks at first."""
    made = fake_runs(tmp_path, records=9, noise=(1.0,))
    quiet = np.asarray(made.case.folds) != 0
    maps = made.case.maps[0].copy()
    maps[quiet] //= 12
    write_again(made, "m0", maps, recipe="uneven")
    found = score_member(find_members(Store(made.runs), names=[Ref.parse("m0@uneven")])[0], *given(made))
    without_loud, *_ = found.scored.crossed.choices
    assert without_loud.threshold < EPS / 255
    masks = made.case.masks
    best = max(range(1, 256), key=lambda level: dice_at(maps[quiet], masks[quiet], level))
    assert found.per_fold[0] == pytest.approx(dice_at(maps[~quiet], masks[~quiet], best))


def dice_at(maps, masks, level):
    return Counts.of(count(maps >= level, masks)).dice


def test_where_memory_ends_it_says_that_a_lower_threshold_may_be_better(tmp_path, monkeypatch):
    made = fake_runs(tmp_path, records=9, noise=(1.0,))
    low = made.case.maps[0] // 12
    write_again(made, "m0", low, recipe="timid")
    monkeypatch.setattr("ensemble.out_of_fold.BASE_BYTES", 0.0)
    monkeypatch.setattr("ensemble.out_of_fold.CHUNK_BYTES", 0.0)
    monkeypatch.setattr("ensemble.out_of_fold.LOW_RAM", 8 * (low >= 15).sum() / 1e9)
    found = score_member(find_members(Store(made.runs), names=[Ref.parse("m0@timid")])[0], *given(made))
    assert found.at_lowest_threshold
    assert 10 < found.counts.active.eps < EPS


def given(made):
    ids = [record for fold in range(made.folds.count) for record in made.folds.records(fold)]
    return ids, read_mask_of(made), made.folds
