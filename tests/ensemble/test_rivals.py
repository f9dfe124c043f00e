"""What is reliably better than the ensemble in its own tables is named, with the command that takes it."""

from dataclasses import replace

import numpy as np
import pytest

from core.dice import Counts
from ensemble import FitOptions
from ensemble.ablation import counts_without
from ensemble.documents import describe
from ensemble.fitting import Fit, fit_active
from ensemble.report import FitReport
from ensemble.rivals import rivals
from ensemble.strategy import Budget, Strategy
from tests.ensemble.cases import Case, streak_case


def fitted(rng: np.random.Generator, options: FitOptions | None = None, folds: int = 4) -> Fit:
    """A fit of a good member and one that says the opposite."""
    case = streak_case(rng, noise=(1.0, 1.2), records=40, folds=folds)
    maps = np.concatenate([case.maps[:1], 255 - case.maps[:1]])
    return fit_active(Case(maps, case.masks, case.folds).active(eps=13), options=options or FitOptions("uniform"))


def test_members_methods_and_ablations_that_are_better_are_named_with_their_commands(rng):
    result = fitted(rng)
    found = {rival.name: rival for rival in rivals(result, {"ensemble": "two", "members": "m0,m1"})}
    assert str(found["m0 alone"].do) == "cli ensemble fit --ensemble two --members m0"
    assert str(found["without m1"].do) == "cli ensemble fit --ensemble two --members m0"
    words = "cli ensemble fit --ensemble two --members m0,m1 --method best --min-pixels none"
    assert str(found["method best without min-pixels"].do) == words
    assert "m1 alone" not in found
    gain = Counts.of(result.members[0].counts).dice - Counts.of(result.result.counts).dice
    assert found["m0 alone"].gain.value == pytest.approx(gain)
    spared = Counts.of(counts_without(result, 1)).dice - Counts.of(counts_without(result, None)).dice
    assert found["without m1"].gain.value == pytest.approx(spared)


def test_the_report_warns_of_the_best_one_and_names_its_command(rng):
    document = describe(fitted(rng))
    report = FitReport(document)
    advised = {line: str(do) for line, do in report.advised_warnings if do is not None}
    assert len(advised) == len({rival["than"] for rival in document["rivals"]}) == 2
    assert all("better than" in line for line in advised)
    assert report.better is not None
    assert report.better.words == document["rivals"][0]["command"]


def test_auto_has_no_rival_here_and_one_fold_tells_none(rng):
    assert rivals(fitted(rng, FitOptions())) == ()
    assert rivals(fitted(rng, folds=1)) == ()
    assert FitReport(describe(fitted(rng, FitOptions()))).better is None


def test_the_selected_method_is_no_rival_of_itself(rng):
    result = fitted(rng)
    method = "method best without min-pixels"
    assert method in [rival.name for rival in rivals(result)]
    selected = replace(result, strategy=Strategy("best"))
    assert method not in [rival.name for rival in rivals(selected)]


def test_what_does_not_fit_into_the_budget_is_no_rival(rng):
    options = FitOptions("uniform", "none", budget=Budget(10, (11, 9)))
    assert [rival.name for rival in rivals(fitted(rng, options))] == []
