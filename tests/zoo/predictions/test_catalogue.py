"""One member over its runs, and how it is found."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.command import Command
from core.errors import UserError
from core.signing import write_signed
from tests.heard import Heard
from tests.zoo.predictions.cases import bytes_of, ids, maps_of, write_set
from zoo.predictions import MemberMaps, find_members
from zoo.predictions.format import MANIFEST
from zoo.runs import Ref, Store

FOLDS = {"0": ids(70), "1": ids(5, 70), "2": ids(66, 75)}


def write_folds(runs: Path, folds: str = "012", **changes) -> None:
    for fold in folds:
        write_set(runs, FOLDS[fold], fold=fold, **changes)


def age(runs: Path, when: int, **where: str) -> None:
    """Let the manifests of a recipe be as old as `when`."""
    for path in runs.glob(f"predictions/*/{where['recipe']}/*/*/*/{MANIFEST}"):
        os.utime(path, (when, when))


@pytest.fixture(scope="module")
def three_folds(tmp_path_factory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    write_folds(runs)
    return runs


@settings(max_examples=20)
@given(st.lists(st.sampled_from(ids(141)), max_size=6, unique=True))
def test_out_of_fold_maps_come_from_the_fold_that_held_them_out(three_folds, wanted):
    (member,) = find_members(Store(three_folds))
    assert_array_equal(member.maps(wanted), maps_of(wanted) if wanted else np.empty((0, 256, 256)))


def test_a_member_knows_what_it_is_made_of(three_folds):
    (member,) = find_members(Store(three_folds))
    assert (member.name, member.recipe, member.tta) == ("lite0-fc-t5", "abc123", "none")
    assert member.record_ids == tuple(sorted(ids(141)))
    assert member.folds == ("0", "1", "2")
    assert member.seconds_per_record == 1.5


def test_batches_go_once_over_the_disk_and_hold_every_record(three_folds):
    (member,) = find_members(Store(three_folds))
    batches = list(member.batches())
    assert [len(found) for found, _ in batches] == [64, 6, 5, 64, 2]
    for found, maps in batches:
        assert_array_equal(maps, maps_of(found))
    assert [found for found, _ in member.batches(ids(3, 70)[::-1])] == [tuple(ids(3, 70))]


def mean(*maps: np.ndarray) -> np.ndarray:
    """Rounded half up, the slow and obvious way."""
    return np.floor(np.mean([one.astype(np.float64) for one in maps], axis=0) + 0.5).astype(np.uint8)


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_the_seeds_of_a_fold_are_averaged(tmp_path, seeds):
    for seed in range(seeds):
        write_set(tmp_path, FOLDS["2"], salt=seed, fold="2", seed=seed)
    write_set(tmp_path, FOLDS["1"], fold="1")
    (member,) = find_members(Store(tmp_path))
    wanted = [ids(1, 75)[0], ids(1, 139)[0], ids(1, 72)[0]]
    expected = mean(*(maps_of(wanted[:2], seed) for seed in range(seeds)))
    assert_array_equal(member.maps(wanted)[:2], expected)
    assert_array_equal(member.maps(wanted)[2], maps_of(wanted)[2])


def test_test_maps_are_the_mean_over_all_runs(tmp_path):
    for fold in range(3):
        write_set(tmp_path, ids(70), salt=fold, fold=str(fold), split="test")
    (member,) = find_members(Store(tmp_path), "test")
    wanted = [ids(70)[place] for place in (69, 0)]
    assert_array_equal(member.maps(wanted), mean(*(maps_of(wanted, fold) for fold in range(3))))


def test_the_order_of_the_runs_does_not_matter(tmp_path):
    sets = [write_set(tmp_path, ids(2), salt=k, fold=str(k), split="test") for k in range(3)]
    forth, back = MemberMaps("m", tuple(sets)), MemberMaps("m", tuple(reversed(sets)))
    assert_array_equal(forth.maps(ids(2)), back.maps(ids(2)))
    assert forth.digest == back.digest


def test_a_record_without_prediction_is_named(three_folds):
    (member,) = find_members(Store(three_folds))
    with pytest.raises(UserError, match="lite0-fc-t5: record 12 has no oof prediction"):
        member.maps([ids(1)[0], "12"])


CLASHES = {
    "member": ({"member": "other"}, "another member"),
    "recipe": ({"recipe": "other"}, "another recipe"),
    "split": ({"split": "test"}, "another split"),
    "tta": ({"tta": "d4"}, "another TTA"),
    "folds": ({"folds_sha256": "f1"}, "another folds.csv"),
}


@pytest.mark.parametrize("change, word", CLASHES.values(), ids=CLASHES.keys())
def test_sets_that_are_not_of_one_member_are_refused(tmp_path, change, word):
    first = write_set(tmp_path, ids(2))
    second = write_set(tmp_path, ids(2, 2), **({"fold": "1"} | change))
    with pytest.raises(UserError, match=f"fold-1.*{word}"):
        MemberMaps("m", (first, second))


def test_a_record_held_out_twice_is_refused_by_name(tmp_path):
    sets = (write_set(tmp_path, ids(3)), write_set(tmp_path, ids(3, 2), fold="1"))
    with pytest.raises(UserError, match=f"record {ids(3)[2]} is held out in fold 0 and in fold 1"):
        MemberMaps("m", sets)


@pytest.mark.parametrize("others, word", [(ids(3)[::-1], "in another order"), (ids(2), "other records")])
@pytest.mark.parametrize("change", [{"seed": 1}, {"split": "test"}])
def test_runs_to_be_averaged_hold_the_same_records_in_the_same_order(tmp_path, others, word, change):
    split = {"split": change.get("split", "oof")}
    first = write_set(tmp_path, ids(3), **split)
    second = write_set(tmp_path, others, **({"seed": 1} | split))
    with pytest.raises(UserError, match=word):
        MemberMaps("m", (first, second))


def test_all_members_come_by_name_and_named_ones_as_asked(tmp_path):
    for name in ("zeta", "alpha"):
        write_folds(tmp_path, "1", member=name)
    assert [member.name for member in find_members(Store(tmp_path))] == ["alpha", "zeta"]
    asked = ["zeta@abc123", "alpha", "zeta@abc123"]
    found = find_members(Store(tmp_path), names=[Ref.parse(each) for each in asked])
    assert [member.name for member in found] == ["zeta@abc123", "alpha"]


def test_no_predictions_at_all_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match=r"no out-of-fold predictions; run: cli zoo train --fold all"):
        find_members(Store(tmp_path))
    with pytest.raises(UserError, match="no test predictions; run: cli zoo predict --split test"):
        find_members(Store(tmp_path), "test", names=[Ref.parse("x")])


def test_an_unknown_member_is_answered_with_its_neighbour_and_what_to_run(three_folds):
    with pytest.raises(UserError, match=r'did you mean "lite0-fc-t5"\?.*run: cli zoo train lite-fc-t5 --fold all'):
        find_members(Store(three_folds), names=[Ref.parse("lite-fc-t5")])


def unfinish(runs: Path, **where: str) -> None:
    for path in runs.glob(f"predictions/{where.get('member', '*')}/{where.get('recipe', '*')}/*/*/*/{MANIFEST}"):
        path.unlink()


def test_a_member_with_nothing_complete_is_told_apart_from_an_unknown_one(tmp_path):
    write_folds(tmp_path, "1", member="whole")
    write_folds(tmp_path, "12", member="torn")
    unfinish(tmp_path, member="torn")
    with pytest.raises(UserError, match=r"torn: .*unfinished \(fold 1, fold 2\); run: cli zoo train torn"):
        find_members(Store(tmp_path), names=[Ref.parse("torn")])
    assert [member.name for member in find_members(Store(tmp_path))] == ["whole"]


def test_a_plain_name_is_the_newest_recipe_of_those_that_cover_most_folds(tmp_path):
    for when, (recipe, folds) in enumerate({"old": "012", "newer": "012", "begun": "0"}.items(), start=1):
        write_folds(tmp_path, folds, recipe=recipe)
        age(tmp_path, when, recipe=recipe)
    assert find_members(Store(tmp_path))[0].recipe == "newer"
    unfinish(tmp_path, recipe="newer")
    assert find_members(Store(tmp_path))[0].recipe == "old"


def test_a_hash_or_its_beginning_names_that_recipe(tmp_path):
    for recipe in ("aa11", "aa22", "bb"):
        write_folds(tmp_path, "1", recipe=recipe)
    for asked, recipe in {"aa11": "aa11", "b": "bb"}.items():
        (member,) = find_members(Store(tmp_path), names=[Ref.parse(f"lite0-fc-t5@{asked}")])
        assert (member.name, member.recipe) == (f"lite0-fc-t5@{asked}", recipe)
    with pytest.raises(UserError, match="several recipes; there are: lite0-fc-t5@aa11, lite0-fc-t5@aa22"):
        find_members(Store(tmp_path), names=[Ref.parse("lite0-fc-t5@aa")])
    with pytest.raises(UserError, match=r"no out-of-fold predictions; there are: .*lite0-fc-t5@bb"):
        find_members(Store(tmp_path), names=[Ref.parse("lite0-fc-t5@cc")])


def test_the_tta_that_covers_most_folds_is_taken_and_of_several_that_with_most_turned_views(tmp_path):
    write_folds(tmp_path, "01", tta="d4")
    write_folds(tmp_path, "012", tta="none")
    assert find_members(Store(tmp_path))[0].tta == "none"
    write_folds(tmp_path, "012", tta="flips")
    assert find_members(Store(tmp_path))[0].tta == "flips"
    write_folds(tmp_path, "2", tta="d4")
    assert find_members(Store(tmp_path))[0].tta == "d4"
    assert find_members(Store(tmp_path), tta="d4")[0].tta == "d4"
    assert find_members(Store(tmp_path), tta="hflip+vflip+transpose")[0].tta == "d4"


def test_a_tta_that_was_not_predicted_is_refused_with_what_there_is(tmp_path):
    write_folds(tmp_path, "1", tta="flips")
    words = 'no out-of-fold predictions with TTA "d4", only with: flips'
    with pytest.raises(UserError, match=f"{words}; it has no runs here that could predict$"):
        find_members(Store(tmp_path), tta="d4")
    (tmp_path / "members" / "lite0-fc-t5").mkdir(parents=True)
    with pytest.raises(UserError, match=f"{words}; run: cli zoo predict lite0-fc-t5 --tta d4$"):
        find_members(Store(tmp_path), tta="d4")


def test_predictions_on_other_folds_are_refused_or_left_out(tmp_path):
    write_folds(tmp_path, "1", member="old", folds_sha256="f0")
    with pytest.raises(UserError, match=r"old: .* made on another folds\.csv"):
        find_members(Store(tmp_path), folds_sha256="f1")
    write_folds(tmp_path, "1", member="new", folds_sha256="f1")
    assert [member.name for member in find_members(Store(tmp_path), folds_sha256="f1")] == ["new"]
    with pytest.raises(UserError, match=r"old: .* made on another folds\.csv"):
        find_members(Store(tmp_path), names=[Ref.parse("new"), Ref.parse("old")], folds_sha256="f1")


def test_predictions_on_other_folds_say_how_to_bring_those_back(tmp_path):
    write_folds(tmp_path, "012", folds_sha256="0123456789abcdef")
    path = tmp_path / "folds.csv"
    path.touch()
    with pytest.raises(UserError, match="the same scenes, seed and number of folds") as caught:
        find_members(Store(tmp_path), folds_sha256="f1")
    assert caught.value.do == Command("data folds", folds=3, out=path, force=True)
    kept = tmp_path / "folds-0123456789ab.csv"
    kept.touch()
    with pytest.raises(UserError, match=f"copy {kept} over it") as caught:
        find_members(Store(tmp_path), folds_sha256="f1")
    assert caught.value.do is None


def test_an_older_recipe_on_the_right_folds_is_found_behind_a_newer_one_on_others(tmp_path):
    for when, recipe in enumerate(("right", "wrong"), start=1):
        write_folds(tmp_path, "1", recipe=recipe, folds_sha256=recipe)
        age(tmp_path, when, recipe=recipe)
    assert find_members(Store(tmp_path), folds_sha256="right")[0].recipe == "right"


def test_a_set_that_was_moved_is_refused(tmp_path):
    folder = write_set(tmp_path, ids(2)).folder
    other = folder.parent.with_name("fold-1") / "none"
    other.mkdir(parents=True)
    for name, blob in bytes_of(folder).items():
        (other / name).write_bytes(blob)
    with pytest.raises(UserError, match=r"fold-1/none: holds the prediction set of .*fold-0/none"):
        find_members(Store(tmp_path))


def test_a_damaged_manifest_is_named_rather_than_passed_over(tmp_path):
    write_folds(tmp_path, "01")
    (path,) = tmp_path.glob(f"predictions/*/*/*/fold-1/none/{MANIFEST}")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"fold-1/none/manifest\.json"):
        find_members(Store(tmp_path))


def test_folders_that_are_no_prediction_sets_are_passed_over(tmp_path):
    write_folds(tmp_path, "1")
    (tmp_path / "predictions/lite0-fc-t5/abc123/oof/notes/none").mkdir(parents=True)
    (tmp_path / "predictions/README").write_text("mine")
    assert len(find_members(Store(tmp_path))) == 1


def train_on(runs: Path, weights: str, run: str = "fold-0", recipe: str = "abc123") -> Path:
    """The run has these weights from now on; "": it is still being trained."""
    result = runs / "members/lite0-fc-t5" / recipe / run / "result.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    write_signed(result, {"format": 2, "weights_sha256": weights}) if weights else result.unlink(missing_ok=True)
    return result


@pytest.mark.parametrize("split", ["oof", "test"])
def test_what_a_run_predicted_before_it_was_trained_on_is_refused_with_what_to_run(tmp_path, split):
    for fold in FOLDS:
        write_set(tmp_path, FOLDS[fold if split == "oof" else "0"], fold=fold, split=split, tta="flips")
    train_on(tmp_path, "c0")
    assert find_members(Store(tmp_path), split)[0].folds == ("0", "1", "2")  # folds 1 and 2 have no run here
    train_on(tmp_path, "c1")
    more = " --split test" if split == "test" else ""
    command = f"run: cli zoo predict lite0-fc-t5@abc123 --tta flips{more}$"
    with pytest.raises(UserError, match=f"^lite0-fc-t5@abc123 fold 0: .* of weights that it had before; {command}"):
        find_members(Store(tmp_path), split, [Ref.parse("lite0-fc-t5")])
    train_on(tmp_path, "")
    with pytest.raises(UserError, match=f"fold 0: .*train it to its end; {command}"):
        find_members(Store(tmp_path), split, [Ref.parse("lite0-fc-t5")])


def test_a_seed_that_was_trained_on_is_told_from_the_others(tmp_path):
    for seed in (0, 1):
        write_set(tmp_path, FOLDS["0"], seed=seed)
    train_on(tmp_path, "c0")
    train_on(tmp_path, "c1", "fold-0-seed-1")
    with pytest.raises(UserError, match="fold 0 seed 1: "):
        find_members(Store(tmp_path), names=[Ref.parse("lite0-fc-t5")])


def test_a_tta_and_a_recipe_that_were_predicted_since_are_taken_first(tmp_path):
    write_folds(tmp_path, tta="flips", checkpoint_sha256="c1")
    write_folds(tmp_path, checkpoint_sha256="c0")
    train_on(tmp_path, "c1")
    assert find_members(Store(tmp_path))[0].tta == "flips"
    train_on(tmp_path, "c0")
    assert find_members(Store(tmp_path))[0].tta == "none"
    write_folds(tmp_path, recipe="def456")
    age(tmp_path, 1, recipe="def456")
    train_on(tmp_path, "c2")
    assert find_members(Store(tmp_path), names=[Ref.parse("lite0-fc-t5")])[0].recipe == "def456"


def test_a_member_whose_run_was_trained_on_is_left_out_beside_others(tmp_path):
    write_folds(tmp_path)
    write_folds(tmp_path, member="lite1-fc-t5")
    train_on(tmp_path, "c1")
    heard = Heard()
    assert [member.name for member in find_members(Store(tmp_path), listener=heard)] == ["lite1-fc-t5"]
    assert "cli zoo predict lite0-fc-t5@abc123 --tta none" in str(*heard.notes)


@pytest.mark.parametrize("torn", ["", "{", "[]"])
def test_a_member_whose_result_is_torn_is_left_out_beside_others(tmp_path, torn):
    write_folds(tmp_path)
    write_folds(tmp_path, member="lite1-fc-t5")
    result, heard = train_on(tmp_path, "c0"), Heard()
    result.write_text(torn)
    assert [member.name for member in find_members(Store(tmp_path), listener=heard)] == ["lite1-fc-t5"]
    assert str(*heard.notes).startswith("left out: lite0-fc-t5@abc123 fold 0: ")
    assert str(*heard.notes).endswith(f"{result} is damaged; train it again")
    with pytest.raises(UserError, match="is damaged; train it again"):
        find_members(Store(tmp_path), names=[Ref.parse("lite0-fc-t5")])
