"""The landscape around a choice agrees with cutting dense maps, in a fit and from its frozen ensemble."""

from dataclasses import replace

import numpy as np
import pytest

from core.dice import Counts, count
from ensemble import Ensemble, FitOptions, MemberUse
from ensemble.blend import table
from ensemble.documents import freeze
from ensemble.fitting import Fit, fit_records
from ensemble.landscape import DROP, Landscape, landscape, landscape_of
from ensemble.out_of_fold import OutOfFold
from tests.ensemble.cases import Case, streak_case


@pytest.fixture(scope="module")
def case() -> Case:
    return streak_case(np.random.default_rng(5), records=24, noise=(1.2, 1.4, 2.5))


def out_of_fold(case: Case, members: list[str]) -> OutOfFold:
    chosen = [case.members.index(member) for member in members]
    row = {record: number for number, record in enumerate(case.ids)}
    return OutOfFold(
        members=tuple(members),
        record_ids=tuple(case.ids),
        fold_of=dict(zip(case.ids, case.folds.tolist())),
        group_of=case.groups,
        read_maps=lambda ids: case.maps[chosen][:, [row[record] for record in ids]],
        read_masks=lambda ids: case.masks[[row[record] for record in ids]],
    )


def fitted(case: Case, method: str, min_pixels: str) -> tuple[Fit, Ensemble]:
    fit = fit_records(out_of_fold(case, case.members), FitOptions(method, min_pixels), jobs=1)
    weights = fit.result.choice.blend.weights
    uses = [MemberUse(name, "", "none", weight, "") for name, weight in zip(case.members, weights)]
    return fit, freeze("mine", fit, uses)


def dice_at(case: Case, ensemble: Ensemble, threshold_bin: int, k: int) -> float:
    """Dice of the ensemble with another cut, from dense masks."""
    cut = replace(ensemble, level=threshold_bin << table(ensemble.table).shift, k=k)
    masks = cut.apply(dict(zip(case.members, case.maps)))
    return Counts.of(count(masks, case.masks)).dice


def agrees(case: Case, found: Landscape, ensemble: Ensemble, floor: int) -> None:
    for row in np.linspace(0, len(found.thresholds) - 1, 6).astype(int):
        assert found.dice[row] == pytest.approx(dice_at(case, ensemble, row + floor, ensemble.k))
        for size in (0, 7):
            assert found.surface[row, size] == pytest.approx(dice_at(case, ensemble, row + floor, size))


def test_it_agrees_with_cutting_dense_maps(case):
    fit, ensemble = fitted(case, "uniform", "component")
    found = landscape(fit.counts, fit.result.choice)
    agrees(case, found, ensemble, fit.counts.floor(fit.result.choice.blend))
    assert found.mode == "component" and found.surface.shape == (len(found.thresholds), len(found.sizes))


def test_a_frozen_ensemble_needs_the_members_with_a_weight_alone(case):
    fit, ensemble = fitted(case, "best", "component")
    (used,) = ensemble.weights
    found = landscape_of(ensemble, out_of_fold(case, [used]), jobs=1)
    agrees(case, found, ensemble, fit.counts.floor(fit.result.choice.blend))
    whole = landscape(fit.counts, fit.result.choice)
    np.testing.assert_allclose(found.dice, whole.dice)
    np.testing.assert_allclose(found.error, whole.error)
    assert found.plateau == whole.plateau


def test_outside_the_plateau_more_is_lost(case):
    fit, _ = fitted(case, "uniform", "none")
    found = landscape(fit.counts, fit.result.choice)
    low, high = found.plateau
    inside = (found.thresholds >= low) & (found.thresholds <= high)
    best = np.interp(fit.result.choice.threshold, found.thresholds, found.dice)
    assert low <= fit.result.choice.threshold <= high
    assert (found.dice[inside] >= best - DROP).all()
    edges = np.flatnonzero(np.diff(inside.astype(int)))
    assert len(edges)
    for edge in edges:
        outer = edge if not inside[edge] else edge + 1
        assert found.dice[outer] < best - DROP
