"""A frozen ensemble makes the masks that were counted, and its file is read back whole or refused by name."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.dice import count
from core.errors import Damaged, UserError
from core.signing import write_signed
from ensemble import Ensemble, FitOptions, MemberUse
from ensemble.blend import TOTAL, table
from ensemble.fitting import fit_active
from ensemble.min_pixels import MIN_PIXELS
from tests.ensemble.cases import streak_case
from zoo.predictions.writer import quantise


def ensemble(**changes: object) -> Ensemble:
    members = (MemberUse("a", "h1", "none", TOTAL - 100, "d1"), MemberUse("b", "h2", "d4", 100, "d2", 0.5))
    given = {
        "name": "x", "members": members, "table": "identity", "level": 400 << 14, "mode": "component", "k": 3,
        "method": "greedy", "folds_sha256": "f", "record_ids": ("1", "2"), "fitted": {"records": 2},
    }  # fmt: skip
    return Ensemble(**{**given, **changes})


@pytest.mark.parametrize("method", ["search", "stack", "logit-mean"])
@pytest.mark.parametrize("mode", ["none", *MIN_PIXELS.names()])
def test_masks_are_what_was_counted(rng, method, mode):
    case = streak_case(rng, noise=(1.0, 2.0, 3.0))
    fitted = fit_active(case.active(eps=13), options=FitOptions(method, mode)).result
    choice = fitted.choice
    by, cut = table(choice.blend.table), choice.cut
    uses = tuple(
        MemberUse(name, "h", "none", weight, "d") for name, weight in zip(case.members, fitted.choice.blend.weights)
    )
    frozen = ensemble(members=uses, table=by.name, level=cut.bin << by.shift, mode=mode, k=cut.k, eps=13)
    masks = frozen.apply(dict(zip(case.members, case.maps)))
    assert_array_equal(count(masks, case.masks), fitted.in_sample)


def test_probabilities_are_the_blend_before_its_threshold(rng):
    maps = {name: rng.integers(0, 256, (2, 8, 8)).astype(np.uint8) for name in "ab"}
    blended = ensemble(mode="none", k=0).probabilities(maps)
    share = 100 / TOTAL
    assert blended == pytest.approx(((1 - share) * maps["a"] + share * maps["b"]) / 255, abs=1e-6)
    assert_array_equal(blended >= np.float32(400 / 1020), ensemble(mode="none", k=0).apply(maps))


def test_records_make_no_difference_to_each_other(rng, monkeypatch):
    maps = {name: rng.integers(0, 256, (5, 16, 16)).astype(np.uint8) for name in "ab"}
    together = ensemble().apply(maps)
    monkeypatch.setattr("ensemble.model.CHUNK", 2)
    assert_array_equal(ensemble().apply(maps), together)
    one = {name: array[3:4] for name, array in maps.items()}
    assert_array_equal(ensemble().apply(one)[0], together[3])
    assert ensemble().apply({name: array[:0] for name, array in maps.items()}).shape == (0, 16, 16)


def test_only_members_with_a_weight_are_needed(rng):
    uses = (MemberUse("a", "h", "none", TOTAL, "d"), MemberUse("b", "h", "none", 0, "d"))
    alone = ensemble(members=uses)
    assert alone.weights == {"a": TOTAL}
    assert alone.apply({"a": np.full((1, 4, 4), 255, np.uint8)}).all()


def test_the_file_is_read_back_whole(tmp_path):
    path = tmp_path / "ensembles" / "x" / "ensemble.json"
    ensemble().save(path)
    assert Ensemble.load(path) == ensemble()
    assert json.loads(path.read_text())["threshold"]["probability"] == pytest.approx(400 / 1020)


def test_an_absent_ensemble_names_those_there_are(tmp_path):
    with pytest.raises(UserError, match="no such ensemble; run: cli ensemble fit"):
        Ensemble.load(tmp_path / "ensembles" / "y" / "ensemble.json")
    ensemble().save(tmp_path / "ensembles" / "x" / "ensemble.json")
    with pytest.raises(UserError, match="there are: x"):
        Ensemble.load(tmp_path / "ensembles" / "y" / "ensemble.json")


DAMAGE = {
    "newer": (lambda d: d.update(format=99), "has format 99"),
    "no format": (lambda d: d.pop("format"), "no format number"),
    "no members": (lambda d: d.pop("members"), "lacks members"),
    "weights off": (lambda d: d["members"][0].update(weight=5), "add up"),
    "half a weight": (lambda d: d["members"][0].update(weight=0.5), "not a whole number"),
    "odd table": (lambda d: d["table"].update(name="odd"), 'no table "odd"'),
    "odd mode": (lambda d: d["min_pixels"].update(mode="odd"), 'mode "odd"'),
    "twins": (lambda d: d["members"][1].update(name="a"), "named twice"),
    "a list": (lambda d: d.update(members=3), "members is 3, not a list"),
}


REMOVED = {
    "boosted trees": lambda d: d.update(trees={"roots": [0]}),
    "a percentile threshold": lambda d: d.update(rate={"taken": 3, "of": 1000}),
    "min-pixels component-peak": lambda d: d["min_pixels"].update(mode="component-peak", k=700, peak=0.69),
}


@pytest.mark.parametrize("what", REMOVED)
def test_an_ensemble_of_an_older_release_is_refused_with_the_command_that_fits_it_again(tmp_path, what):
    path = tmp_path / "ensembles" / "x" / "ensemble.json"
    ensemble().save(path)
    document = json.loads(path.read_text()) | {"rate": None, "trees": None}
    write_signed(path, document)
    assert Ensemble.load(path) == ensemble()
    REMOVED[what](document)
    write_signed(path, document)
    with pytest.raises(UserError, match=f"uses {what}, which only an older release can apply; fit it again") as error:
        Ensemble.load(path)
    assert str(error.value.do) == "cli ensemble fit --ensemble x"


def test_a_changed_k_is_refused_with_the_command_that_signs_it(tmp_path):
    path = tmp_path / "ensembles" / "x" / "ensemble.json"
    ensemble().save(path)
    path.write_text(path.read_text().replace('"k": 3', '"k": 4'))
    with pytest.raises(UserError, match="has been changed since it was written") as error:
        Ensemble.load(path)
    assert str(error.value.do) == f"cli sign {path}"
    with pytest.raises(UserError, match="the text: has been changed since it was written; make it again"):
        Ensemble.from_json(path.read_text())


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_file_is_refused_with_the_command_that_makes_it_again(tmp_path, text):
    path = tmp_path / "ensembles" / "x" / "ensemble.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(Damaged, match="make it again") as error:
        Ensemble.load(path)
    assert str(error.value.do) == "cli ensemble fit --ensemble x"


@pytest.mark.parametrize("harm", DAMAGE)
def test_a_file_that_is_no_ensemble_is_refused_by_name(tmp_path, harm):
    path = tmp_path / "ensembles" / "x" / "ensemble.json"
    ensemble().save(path)
    document = json.loads(path.read_text())
    change, words = DAMAGE[harm]
    change(document)
    write_signed(path, document)
    with pytest.raises(UserError, match=words) as error:
        Ensemble.load(path)
    assert str(path) in str(error.value)


def test_a_table_of_another_version_is_refused(tmp_path):
    path = tmp_path / "ensembles" / "x" / "ensemble.json"
    ensemble(table="logit", level=0).save(path)
    document = json.loads(path.read_text())
    document["table"]["entries"][7] += 1
    write_signed(path, document)
    with pytest.raises(UserError, match="differs from this version"):
        Ensemble.load(path)


def test_maps_that_do_not_fit_are_refused_by_member(rng):
    maps = {name: rng.integers(0, 256, (2, 8, 8)).astype(np.uint8) for name in "ab"}
    with pytest.raises(UserError, match="member b are missing"):
        ensemble().apply({"a": maps["a"]})
    with pytest.raises(UserError, match="member a are int64"):
        ensemble().apply({**maps, "a": maps["a"].astype(np.int64)})
    with pytest.raises(UserError, match=r"member a have shape \(8, 8\)"):
        ensemble().apply({**maps, "a": maps["a"][0]})
    with pytest.raises(UserError, match="member a reach from 0 to 255"):
        ensemble().apply({**maps, "a": np.float32([[[0, 255]]])})
    with pytest.raises(UserError, match="differ in shape"):
        ensemble().apply({**maps, "a": maps["a"][:1]})


def test_maps_of_16_bits_are_rounded_to_8(rng):
    maps = {name: rng.integers(0, 256, (2, 8, 8)).astype(np.uint8) for name in "ab"}
    fine = {name: array.astype(np.uint16) * 257 for name, array in maps.items()}
    assert_array_equal(ensemble().apply(fine), ensemble().apply(maps))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_are_rounded_as_the_cache_rounds_them(rng, dtype):
    maps = {name: rng.random((2, 256, 256)).astype(dtype) for name in "ab"}
    kept = {name: np.stack([quantise(one, "") for one in array]) for name, array in maps.items()}
    assert_array_equal(ensemble().apply(maps), ensemble().apply(kept))


def test_a_changed_weight_is_refused_at_birth():
    with pytest.raises(UserError, match="add up"):
        replace(ensemble(), members=ensemble().members[:1])
