"""Contributions of members, warnings about a fit, comparison of two ensembles."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.dice import Counts
from core.errors import UserError
from ensemble import Ensemble, FitOptions, MemberUse
from ensemble.ablation import contributions, error_correlation
from ensemble.comparison import compare_ensembles
from ensemble.fitting import Fit, fit_active
from ensemble.landscape import plateau
from ensemble.warnings import rate_shift, warnings_of
from tests.ensemble.cases import Case, streak_case


@pytest.fixture(scope="module")
def fitted() -> Fit:
    """Two good members that err apart, a twin of the first, and one of noise; equal weights."""
    rng = np.random.default_rng(11)
    case = streak_case(rng, noise=(1.2, 1.2), records=40)
    noise = rng.permutation(case.maps[0].ravel()).reshape(case.maps[0].shape)
    maps = np.stack([*case.maps, case.maps[0], noise])
    return fit_active(Case(maps, case.masks, case.folds).active(eps=26), options=FitOptions("uniform", "none"))


def test_noise_contributes_less_than_nothing_and_the_only_second_opinion_most(fitted):
    worth = {entry.member: entry.gain.value for entry in contributions(fitted)}
    assert worth["m3"] < 0
    assert worth["m1"] == max(worth.values()) > 0


def test_the_worth_is_the_difference_to_a_fit_without_the_member(fitted):
    active = fitted.active
    without = fit_active(
        replace(active, members=active.members[:3], values=active.values[:3]), options=FitOptions("uniform", "none")
    )
    entry = contributions(fitted)[3]
    dice = Counts.of(fitted.result.counts).dice
    assert entry.gain.value == pytest.approx(dice - Counts.of(without.result.counts).dice, abs=1e-3)


def test_twins_err_alike(fitted):
    correlation = error_correlation(fitted)
    assert correlation[0, 2] == pytest.approx(1)
    assert correlation[0, 1] < 0.9
    np.testing.assert_allclose(correlation, correlation.T)


def test_the_plateau_surrounds_the_threshold(fitted):
    low, high = plateau(fitted.counts, fitted.result.choice)
    assert low <= fitted.result.choice.threshold <= high


PLAIN = FitOptions("uniform", "none")


def changed(case: Case, options: FitOptions = PLAIN, **given: object) -> Fit:
    return fit_active(replace(case, **given).active(eps=13), options=options)


def flat(case: Case, low: int, high: int) -> np.ndarray:
    """One member that gives these two values."""
    return np.where(case.masks, high, low).astype(np.uint8)[None]


def loud_sky(case: Case) -> np.ndarray:
    """One member whose clear sky in one fold is higher than contrails in the others."""
    loud = (case.folds == 0)[None, :, None, None]
    return np.where(loud, flat(case, 100, 130), flat(case, 0, 80))


def as_sure_as(case: Case, factors: Sequence[float]) -> np.ndarray:
    """The maps with the values of each fold scaled."""
    scale = np.array(factors)[case.folds][None, :, None, None]
    return np.rint(case.maps * scale).astype(np.uint8)


def sparse(masks: np.ndarray) -> np.ndarray:
    """One pixel in four of the labels."""
    thin = masks.copy()
    thin[:, ::2], thin[:, :, ::2] = False, False
    return thin


WARNINGS = {
    "only one scene group": lambda case: fit_active(
        replace(case, folds=np.zeros(40, int)).active(eps=13), ["one"] * 40, options=FitOptions("uniform", "none")
    ),
    "only one fold": lambda case: changed(case, folds=np.zeros(40, int)),
    "2 folds: a choice that is scored on one": lambda case: changed(case, FitOptions(), folds=case.folds // 2),
    "thresholds disagree between folds: 0.": lambda case: changed(case, maps=loud_sky(case)),
    "the Dice plateau is narrow: less than 0.005": lambda case: changed(case, maps=flat(case, 140, 143)),
    "is far from half the Dice (0.5": lambda case: changed(case, maps=flat(case, 20, 30)),
    "the fit is overfitted": lambda case: changed(case, maps=as_sure_as(case, [1, 0.3, 0.3, 0.3])),
    "as asked, but its gain is not reliable: ": lambda case: changed(case, FitOptions("best", "none")),
    "may be lower: pixels where no member": lambda case: changed(case, maps=flat(case, 0, 13)),
    "times as many: the members find something else": lambda case: changed(case, masks=sparse(case.masks)),
}


@pytest.mark.parametrize("words", WARNINGS)
def test_what_is_wrong_is_warned_of_with_its_figures(words):
    case = streak_case(np.random.default_rng(5), noise=(1.0, 1.2), records=40)
    lines = warnings_of(WARNINGS[words](case))
    found = [line for line in lines if words in line]
    assert found, lines
    assert any(character.isdigit() for character in found[0]) or "only one" in words


def test_nothing_is_warned_of_where_all_is_well():
    case = streak_case(np.random.default_rng(5), noise=(1.0, 1.2), records=40)
    assert warnings_of(changed(case, maps=flat(case, 120, 160))) == []


def test_a_shift_in_the_share_of_contrails_is_said(fitted):
    truth = fitted.active.truth
    order = np.argsort(truth)
    ids = fitted.active.record_ids
    many = replace(fitted.active, record_ids=ids + ids, truth=np.concatenate([truth, truth[order[-1:]].repeat(40)]))
    split_of = dict.fromkeys(ids, "train")
    assert rate_shift(fitted.active, split_of) == []
    renamed = replace(many, record_ids=ids + tuple(f"v{record}" for record in ids))
    split_of |= {f"v{record}": "validation" for record in ids}
    assert "% of the validation pixels" in rate_shift(renamed, split_of)[0]


def frozen(name: str, result: Fit) -> Ensemble:
    counts = {"in_sample": result.result.in_sample.tolist(), "cross_fitted": result.result.counts.tolist()}
    return Ensemble(
        name=name, members=(MemberUse("a", "h", "none", 1 << 16, "d"),), table="identity", level=0,
        mode="none", k=0, method="best", folds_sha256="f", record_ids=result.active.record_ids,
        per_record={"groups": list(result.counts.group_names), **counts},
    )  # fmt: skip


def test_comparing_is_paired_and_on_shared_records(fitted):
    other = fit_active(fitted.active, options=FitOptions("best", "none"))
    document = compare_ensembles(frozen("one", fitted), frozen("two", other))
    dice = [Counts.of(result.result.counts).dice for result in (fitted, other)]
    assert document["difference"] == pytest.approx(dice[0] - dice[1])
    assert document["kind"] == "cross-fitted"
    assert document["records"] == 40
    assert document["interval"][0] <= document["difference"] <= document["interval"][1]
    less = frozen("two", other)
    per_record = {key: rows[:10] for key, rows in less.per_record.items()}
    few = compare_ensembles(
        frozen("one", fitted), replace(less, record_ids=less.record_ids[:10], per_record=per_record)
    )
    assert few["records"] == 10


def test_what_cannot_be_compared_is_said(fitted):
    one = frozen("one", fitted)
    with pytest.raises(UserError, match="share no record"):
        compare_ensembles(one, replace(one, record_ids=tuple("x" + record for record in one.record_ids)))
    with pytest.raises(UserError, match="has no counts"):
        compare_ensembles(one, replace(one, per_record={}))
    with pytest.raises(UserError, match="was edited by hand and signed"):
        compare_ensembles(one, replace(one, edited=True))
    rows = np.add(one.per_record["cross_fitted"], [0, 0, 1]).tolist()
    with pytest.raises(UserError, match="different masks"):
        compare_ensembles(one, replace(one, per_record={**one.per_record, "cross_fitted": rows}))
