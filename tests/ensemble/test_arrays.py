"""Fitting on arrays: any binary problem, the same figures as on files, scikit-learn's habits."""

import json
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.dice import Counts, count
from core.errors import UnknownName, UsageError, UserError
from ensemble import Ensemble, Ensembler, FitJob, FitOptions, FitReport, fit, fit_runs
from tests.ensemble.cases import Case, streak_case
from tests.ensemble.runs import fake_runs
from tests.heard import Heard
from zoo.data import open_scenes
from zoo.runs import Store


def arrays(case: Case) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return dict(zip(case.members, case.maps)), case.masks


@pytest.mark.parametrize("options", [FitOptions(), FitOptions("stack", "component"), FitOptions("greedy", prune=True)])
def test_arrays_and_files_give_the_same_ensemble(tmp_path, options):
    made = fake_runs(tmp_path, records=18)
    scenes = open_scenes([made.data])
    filed = fit_runs(Store(made.runs), scenes, FitJob(options=options)).ensemble
    shuffled = np.random.default_rng(1).permutation(len(made.case.ids))
    maps = {name: array[shuffled] for name, array in made.maps.items()}
    held = fit(
        maps,
        made.case.masks[shuffled],
        folds=made.case.folds[shuffled],
        ids=[made.case.ids[row] for row in shuffled],
        method=options.method,
        min_pixels=options.min_pixels,
        prune=options.prune,
    )
    assert held.weights == filed.weights
    for key in ("table", "level", "mode", "k", "eps", "method", "record_ids", "per_record"):
        assert getattr(held, key) == getattr(filed, key)
    for member in filed.fitted["members"].values():
        member["seconds_per_record"] = None  # arrays have no time
    assert held.fitted == filed.fitted


@pytest.mark.parametrize("shape", [(17, 23), (300, 260)], ids=["small", "more pixels than 16 bits"])
@pytest.mark.parametrize("min_pixels", ["image", "component"])
def test_maps_of_any_size_are_cut_as_they_were_counted(rng, shape, min_pixels):
    masks = np.zeros((12, *shape), bool)
    masks[::2, 3:9, 4:15] = True
    masks[::3, -7:-2, -9:-1] = True
    maps = {name: np.clip(0.6 * masks + rng.normal(0.2, noise, masks.shape), 0, 1) for name, noise in NOISE.items()}
    ensemble = fit(maps, masks, method="uniform", min_pixels=min_pixels)
    assert Counts.of(count(ensemble.apply(maps), masks)).as_dict() == ensemble.fitted["counts"]


NOISE = {"a": 0.15, "b": 0.2}


def test_probabilities_may_be_floats_or_integers(rng):
    maps, masks = arrays(streak_case(rng))
    folds = np.arange(24) % 3
    whole = fit(maps, masks, folds=folds)
    for given in ({n: a / np.float32(255) for n, a in maps.items()}, {n: a * np.uint16(257) for n, a in maps.items()}):
        other = fit(given, masks.astype(np.int64), folds=folds)
        assert other == whole
        assert_array_equal(other.apply(given), whole.apply(maps))


def test_folds_of_its_own_are_grouped_and_balanced(rng):
    maps, masks = arrays(streak_case(rng, records=40))
    groups = np.arange(40) // 4
    report = fit(maps, masks, groups=groups, method="uniform", min_pixels="none").report
    assert (report.document["groups"], [fold["records"] for fold in report.document["folds"]]) == (10, [8] * 5)
    alone = fit(maps, masks, groups=["one"] * 40, method="uniform", min_pixels="none").report
    assert alone.kind == "in_sample"


def test_folds_may_have_any_labels(rng):
    maps, masks = arrays(streak_case(rng))
    plain = {"method": "uniform", "min_pixels": "none"}
    numbered = fit(maps, masks, folds=[3, 3, 7, 7] * 6, **plain).fitted
    named = fit(maps, masks, folds=np.array(["b", "b", "c", "c"] * 6), **plain).fitted
    assert [fold["fold"] for fold in numbered["folds"]] == [3, 7]
    assert [fold["fold"] for fold in named["folds"]] == [0, 1]
    assert numbered["dice"] == named["dice"]


def test_a_leaking_group_is_refused(rng):
    maps, masks = arrays(streak_case(rng))
    with pytest.raises(UserError, match="scene group s is in fold 0 and fold 1"):
        fit(maps, masks, folds=np.arange(24) % 2, groups=["s"] * 24)


def test_a_threshold_lies_in_the_middle_of_the_gap_that_separates_the_classes(rng):
    masks = np.zeros((40, 16, 16), bool)
    masks[::2, 4:9, 3:13] = True
    maps = {"a": np.where(masks, 0.9, 0.1) + rng.uniform(-0.05, 0.05, masks.shape)}
    fitted = fit(maps, masks)
    assert fitted.threshold == pytest.approx(0.5, abs=0.01)
    assert not [line for line in fitted.report.warnings if "threshold" in line or "plateau" in line]


def test_labels_without_a_positive_pixel_are_refused():
    with pytest.raises(UserError, match="none of the 6 records has a positive pixel"):
        fit({"a": np.full((6, 8, 8), 0.2)}, np.zeros((6, 8, 8), bool))


@pytest.mark.parametrize("options", [{}, {"method": "uniform"}, {"method": "stack"}, {"min_pixels": "component"}])
@pytest.mark.parametrize("value", [0.0, 0.05, 0.5, 1.0])
def test_a_constant_member_gets_no_weight_and_is_named(rng, value, options):
    maps, masks = arrays(streak_case(rng))
    alone, both = fit(maps, masks, **options), fit(maps | {"flat": np.full(masks.shape, value)}, masks, **options)
    assert "one value in all pixels, thus no weight: flat" in both.report.warnings
    assert both.report.weights["flat"] == 0
    assert all(abs(both.report.weights[name] - weight) < 0.05 for name, weight in alone.report.weights.items())
    if value:
        assert any("every member" in line for line in fit({"flat": np.full(masks.shape, value)}, masks).report.warnings)
    with pytest.raises(UsageError, match="several values"):
        fit(maps | {"flat": np.full(masks.shape, value)}, masks, method="ratios", ratios="flat=1")


def test_a_map_of_only_0_and_1_is_not_constant():
    masks = np.eye(8, dtype=bool)[None].repeat(6, axis=0)
    assert fit({"a": masks.astype(float)}, masks).report.dice == 1


def test_one_group_alone_has_no_interval(rng):
    maps, masks = arrays(streak_case(rng))
    report = fit(maps, masks, groups=["one"] * 24).report
    assert "only one scene group: there are no intervals" in report.warnings
    assert "[" not in repr(report).split("warning:")[0]
    assert "[" in repr(fit(maps, masks).report).split("warning:")[0]


def test_nan_is_named_with_its_record(rng):
    maps, masks = arrays(streak_case(rng))
    held = {name: array / np.float32(255) for name, array in maps.items()}
    held["m1"][7, 3, 3] = np.nan
    with pytest.raises(UserError, match="maps of m1 hold NaN in record r0007"):
        fit(held, masks, ids=[f"r{row:04d}" for row in range(24)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": {}}, "give at least one member"),
        ({"maps": {"a": np.zeros((2, 8, 8))}}, r"maps of a: have shape \(2, 8, 8\), the masks \(4, 8, 8\)"),
        ({"maps": {"a": np.full((4, 8, 8), np.nan)}}, "maps of a hold NaN in record"),
        ({"maps": {"a": np.full((4, 8, 8), 3.0)}}, "maps of a reach from 3 to 3"),
        ({"maps": {"a": np.ones((4, 8, 8), bool)}}, "maps of a are bool"),
        ({"masks": np.zeros((4, 64), bool)}, r"give \(n, H, W\)"),
        ({"masks": np.full((4, 8, 8), 2)}, "values other than 0 and 1"),
        ({"folds": [0, 1]}, "folds: 2 given for 4 records"),
        ({"groups": [0, 1]}, "groups: 2 given for 4 records"),
        ({"ids": ["a", "a", "b", "c"]}, "ids: name 3 records, the masks hold 4"),
        ({"method": "ratios"}, "go together"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(change, words):
    given = {"maps": {"a": np.zeros((4, 8, 8))}, "masks": np.zeros((4, 8, 8), bool), **change}
    with pytest.raises(UserError, match=words):
        fit(given.pop("maps"), given.pop("masks"), **given)


def test_the_listener_hears_of_records_and_stages(rng):
    maps, masks = arrays(streak_case(rng))
    heard = Heard()
    fit(maps, masks, folds=np.arange(24) % 3, method="uniform", min_pixels="none", listener=heard)
    assert heard.tasks == {"reading predictions": [24, 24], "fitting": [5, 5]}


@pytest.fixture(scope="module")
def fitted() -> Ensemble:
    maps, masks = arrays(streak_case(np.random.default_rng(3), records=40))
    return fit(maps, masks, method="greedy", name="mine")


def test_an_ensemble_goes_to_json_and_to_a_file_and_comes_back(fitted, tmp_path):
    assert Ensemble.from_json(fitted.to_json()) == fitted
    fitted.save(tmp_path / "mine.json")
    assert Ensemble.load(str(tmp_path / "mine.json")) == fitted
    assert json.loads((tmp_path / "mine.json").read_text()) == json.loads(fitted.to_json())
    for text, words in (
        ("{", "readable JSON"),
        ("{}", "no format number"),
        ('{"format": 1}', "lacks name"),
    ):
        with pytest.raises(UserError, match=words):
            Ensemble.from_json(text)
    with pytest.raises(UserError, match="there is no such ensemble"):
        Ensemble.load(tmp_path / "other.json")


def test_what_is_printed_is_short(fitted):
    text = repr(fitted)
    assert text.startswith("Ensemble('mine', {'m")
    assert "threshold=0." in text and "min_pixels=" in text and len(text) < 200
    lines = repr(fitted.report).splitlines()
    assert lines[0].startswith(f"cross-fitted Dice {fitted.report.dice:.4f} [")
    assert re.search(r"jackknifed 0\.\d{4}, 40 records in 40 scene groups \(\d\d\.\d effective\), 5 folds$", lines[0])
    assert [line.split(":")[0] for line in lines[1:3]] == ["over equal weights", "over the best single member"]


def test_the_report_tabulates_members_and_baselines(fitted):
    frame = fitted.report.to_frame().set_index("name")
    assert list(frame.index) == ["ensemble", "equal weights", "best single", "m0", "m1", "m2"]
    assert frame.loc["ensemble", "cross_fitted"] == fitted.report.dice
    assert tuple(frame.loc["ensemble", ["low", "high"]]) == fitted.report.interval
    assert frame["weight"].sum() == pytest.approx(1)
    assert frame.loc["m0", "weight"] == fitted.report.weights["m0"]
    gain, low, _ = fitted.report.gains["best"]
    assert gain == pytest.approx(frame.loc["ensemble", "cross_fitted"] - frame.loc["best single", "cross_fitted"])
    assert low <= gain
    masks = np.eye(8, dtype=bool)[None].repeat(4, axis=0)
    one = fit({"a": masks.astype(float)}, masks, folds=[0] * 4).report
    assert one.to_frame()["cross_fitted"].isna().all()
    assert isinstance(one, FitReport)


def test_the_records_are_tabulated_with_their_counts(fitted):
    frame = fitted.to_frame()
    assert list(frame.columns) == ["record_id", "group", "tp", "predicted", "truth", "dice"]
    total = frame[["tp", "predicted", "truth"]].sum()
    assert 2 * total["tp"] / (total["predicted"] + total["truth"]) == fitted.report.dice
    assert tuple(frame["record_id"]) == fitted.record_ids
    assert frame["dice"].between(0, 1).all()


def test_the_estimator_keeps_scikit_learns_habits(rng):
    maps, masks = arrays(streak_case(rng))
    folds = np.arange(24) % 3
    estimator = Ensembler("uniform", min_pixels="image", seed=3)
    assert estimator.get_params() == {
        "method": "uniform", "min_pixels": "image", "ratios": "", "prune": False, "seed": 3, "jobs": None,
    }  # fmt: skip
    # What sklearn.base.clone does.
    clone = type(estimator)(**estimator.get_params(deep=False))
    assert all(clone.get_params()[name] is value for name, value in estimator.get_params().items())
    assert clone.set_params(method="best") is clone
    assert repr(clone).startswith("Ensembler(method='best', min_pixels='image'")
    with pytest.raises(UsageError, match='no parameter "metod"'):
        clone.set_params(metod="best")
    assert estimator.fit(maps, masks, folds=folds) is estimator
    assert estimator.ensemble_ == fit(maps, masks, folds=folds, method="uniform", min_pixels="image", seed=3)
    assert_array_equal(estimator.predict(maps), estimator.ensemble_.apply(maps))
    assert_array_equal(estimator.predict_proba(maps), estimator.ensemble_.probabilities(maps))
    assert estimator.score(maps, masks) == estimator.ensemble_.fitted["dice"]["in_sample"]
    with pytest.raises(UnknownName, match='did you mean "greedy"'):
        Ensembler("gredy").fit(maps, masks)


@pytest.mark.parametrize("missing", [np.nan, None])
def test_missing_groups_are_refused_by_their_number(rng, missing):
    maps, masks = arrays(streak_case(rng))
    with pytest.raises(UserError, match="groups: 5 of 24 are missing"):
        fit(maps, masks, groups=[missing] * 5 + list(range(19)))


@pytest.mark.parametrize("groups", [np.zeros((24, 1)), [[0]] * 24])
def test_groups_have_one_dimension(rng, groups):
    maps, masks = arrays(streak_case(rng))
    with pytest.raises(UsageError, match="groups: have more than one dimension"):
        fit(maps, masks, groups=groups)


@pytest.mark.parametrize("form", [list, lambda maps: np.stack(list(maps)), lambda maps: dict(enumerate(maps))])
def test_maps_are_a_mapping_of_names(rng, form):
    maps, masks = arrays(streak_case(rng))
    with pytest.raises(UsageError, match="give a mapping of member name to maps"):
        fit(form(maps.values()), masks)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_an_estimator_is_fitted_before_it_predicts(method):
    with pytest.raises(UsageError, match="fit it first"):
        getattr(Ensembler(), method)({})
