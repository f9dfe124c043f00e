"""Every weight method keeps one contract; some are compared with the obvious slow way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UsageError
from ensemble.blend import TOTAL, Blend
from ensemble.counts import BlendCounts, TrainingSet
from ensemble.min_pixels import MIN_PIXELS
from ensemble.ratios import shares_of
from ensemble.weights import METHODS
from tests.ensemble.cases import Case, streak_case


def training(case: Case, folds: tuple[int, ...] | None = None, members: list[int] | None = None) -> TrainingSet:
    counts = BlendCounts(case.active(eps=13))
    return TrainingSet(counts, folds or counts.folds, members)


def gives_whole_weights(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    blend = method(training(case))
    assert sum(blend.weights) == TOTAL
    assert min(blend.weights) >= 0


def repeats_itself(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    assert method(training(case)) == method(training(case))


def does_not_see_what_it_is_not_given(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    maps, masks = case.maps.copy(), case.masks.copy()
    hidden = case.folds == 3
    maps[:, hidden] = 255 - maps[:, hidden]
    masks[hidden] = ~masks[hidden]
    assert method(training(case, (0, 1, 2))) == method(training(Case(maps, masks, case.folds), (0, 1, 2)))


def gives_members_out_of_sight_nothing(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    assert method(training(case, members=[0, 2])).weights[1] == 0


def is_blind_to_members_out_of_sight(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    """A member out of sight that sees everything makes no pixel tell more or less of the others."""
    loud = case.maps.copy()
    loud[1] = 255 - loud[1]
    assert method(training(case, members=[0, 2])) == method(
        training(Case(loud, case.masks, case.folds), members=[0, 2])
    )


def takes_a_single_member(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    assert method(training(case, members=[1])).weights == (0, TOTAL, 0)


def takes_members_that_separate_the_classes(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    rng, masks = np.random.default_rng(0), np.zeros((30, 16, 16), bool)
    masks[::2, 4:9, 3:13] = True
    maps = [np.clip(0.8 * masks + rng.normal(0.1, noise, masks.shape), 0, 1) for noise in (0.1, 0.2)]
    clear = Case(np.rint(255 * np.stack(maps)).astype(np.uint8), masks, np.sort(np.arange(30) % 5))
    for fold in range(5):
        gives = method(training(clear, tuple(kept for kept in range(5) if kept != fold)))
        assert sum(gives.weights) == TOTAL


def takes_records_without_contrails(method: Callable[[TrainingSet], Blend], case: Case) -> None:
    held_out = (case.folds == 0)[:, None, None]
    assert sum(method(training(Case(case.maps, case.masks & held_out, case.folds), (1, 2))).weights) == TOTAL


CHECKS = (
    gives_whole_weights,
    repeats_itself,
    does_not_see_what_it_is_not_given,
    gives_members_out_of_sight_nothing,
    is_blind_to_members_out_of_sight,
    takes_a_single_member,
    takes_members_that_separate_the_classes,
    takes_records_without_contrails,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", METHODS.names())
def test_weight_method(name, check, rng):
    check(METHODS.get(name), streak_case(rng, noise=(1.0, 2.0, 3.0)))


@pytest.mark.parametrize("registry", [METHODS, MIN_PIXELS], ids=lambda registry: registry.kind)
def test_the_page_describes_every_choice_by_its_facts(registry):
    page = (Path(__file__).parents[2] / "docs" / "ensemble.md").read_text()
    for name in registry.names():
        assert f"| `{name}` | {registry.facts(name).about} |" in page


def test_the_best_single_member_is_the_one_that_scores_best_alone(rng):
    part = training(streak_case(rng, noise=(3.0, 0.5, 2.0)))
    assert METHODS.get("best")(part).weights == (0, TOTAL, 0)


def test_search_is_no_worse_than_greedy_and_greedy_no_worse_than_the_best(rng):
    part = training(streak_case(rng, noise=(1.0, 1.5, 2.0)))
    scores = [part.dice(METHODS.get(name)(part)) for name in ("best", "greedy", "search")]
    assert scores == sorted(scores)
    assert part.dice(METHODS.get("search")(part)) >= part.dice(METHODS.get("uniform")(part))


@pytest.mark.parametrize("name", ["greedy", "search", "logloss", "stack"])
def test_a_member_of_pure_noise_gets_little(name, rng):
    case = streak_case(rng, noise=(1.0, 1.0, 1.0))
    maps = case.maps.copy()
    maps[2] = rng.permutation(maps[2].ravel()).reshape(maps[2].shape)
    weights = METHODS.get(name)(training(Case(maps, case.masks, case.folds))).weights
    assert weights[2] < 0.25 * TOTAL
    assert weights[2] < min(weights[:2])


@pytest.mark.parametrize(
    ("text", "shares"),
    [("a1=1", [1, 0, 0]), ("a*=2,b=1", [1, 1, 1]), ("a1+b=1, a2=0.5", [0.5, 0.5, 0.5]), ("b=0,a1=3", [3, 0, 0])],
)
def test_ratios_of_groups(text, shares):
    assert shares_of(text, ["a1", "a2", "b"]) == shares


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a1", "give groups of members"),
        ("a1=x", "give groups of members"),
        ("a1=-1", "give groups of members"),
        ("a1=1,a*=1", "is in two groups"),
        ("a1+a1=1", "is in two groups"),
        ("a1=0", "every ratio is 0"),
        ("a3=1", "did you mean"),
        ("", "give groups of members"),
    ],
)
def test_ratios_that_make_no_sense_are_refused(text, words):
    with pytest.raises(UsageError, match=words):
        shares_of(text, ["a1", "a2", "b"])


def test_twins_make_no_difference_to_the_mixture_of_both(rng):
    case = streak_case(rng, noise=(1.0, 2.0))
    twins = Case(case.maps[[0, 0, 1]], case.masks, case.folds)
    alone, together = METHODS.get("logloss")(training(case)), METHODS.get("logloss")(training(twins))
    assert abs(together.weights[0] + together.weights[1] - alone.weights[0]) < 0.01 * TOTAL


def test_a_training_set_counts_only_its_folds(rng):
    case = streak_case(rng)
    part, whole = training(case, (0, 2)), training(case)
    kept = np.isin(case.folds, [0, 2])
    alone = training(Case(case.maps[:, kept], case.masks[kept], case.folds[kept]))
    blend = whole.blend([1, 2, 3])
    for mode in ("none", "image", "component"):
        assert part.cut(blend, mode) == alone.cut(blend, mode)
    assert_array_equal(part.pixels(10**9)[0], alone.pixels(10**9)[0])
