"""Runs are found by member and recipe; the keys in which a recipe differs from the listed one."""

import shutil
from pathlib import Path

import pytest

from core.errors import UserError
from tests.heard import Heard
from zoo.members import load_member, with_settings
from zoo.runs import Ref, RunName, Store
from zoo.runs.find import (
    changed_keys,
    most_trained,
    read_trained_recipe,
    read_training,
    recipes_by_age,
    runs_by_recipe,
)

KEPT = Path(__file__).parents[2] / "golden" / "runs"
LISTED = load_member("lite0-fc-t5")


@pytest.mark.parametrize(
    ("listed", "run", "changed"),
    [
        ({}, {"epochs": 3}, {"epochs": 3}),
        ({}, {"compile": True, "channels_last": False}, {}),
        ({"weights": "a.pt"}, {"weights": "a.pt", "weights_sha256": "0" * 12}, {}),
        ({"weights": "a.pt", "weights_sha256": "1" * 12}, {"weights": "a.pt"}, {"weights_sha256": ""}),
        ({"start_from": "lite1-fc-t5"}, {"start_from": "lite1-fc-t5@0123456789ab"}, {}),
        ({}, {"start_from": "lite1-fc-t5@0123456789ab"}, {"start_from": "lite1-fc-t5@0123456789ab"}),
    ],
)
def test_what_is_trained_otherwise_is_changed(listed, run, changed):
    assert changed_keys(with_settings(LISTED, run), with_settings(LISTED, listed)) == changed


@pytest.fixture
def store(tmp_path):
    shutil.copytree(KEPT / "members", tmp_path / "members")
    return Store(tmp_path)


def split_of(store, member):
    return runs_by_recipe(store, Ref(member))[0][0].run.folds_sha256


def test_a_recipe_is_found_by_the_beginning_of_its_hash(store):
    (recipe,) = recipes_by_age(store, Ref("tiny"))
    assert recipes_by_age(store, Ref("tiny", recipe[:3])) == [recipe]
    assert recipes_by_age(store, Ref("tiny", "zzz")) == recipes_by_age(store, Ref("nobody")) == []
    found, _ = read_trained_recipe(store, Ref("tiny", recipe[:3]))
    assert found == recipe
    with pytest.raises(UserError, match=f"^tiny@zzz: was not trained in {store}; there are: tiny@{recipe}$"):
        read_trained_recipe(store, Ref("tiny", "zzz"))


def test_runs_of_the_asked_folds_and_split_are_found(store):
    split = split_of(store, "tiny")
    assert [ended.run.fold for ended in most_trained(store, Ref("tiny"), ["0", "1"], split)] == ["0", "1"]
    assert [ended.run.fold for ended in most_trained(store, Ref("tiny"), ["1"], split)] == ["1"]
    for folds, wanted in ((["2"], split), (["0"], "of another split")):
        with pytest.raises(UserError, match="tiny: no complete run of fold .* of this split") as caught:
            most_trained(store, Ref("tiny"), folds, wanted)
        file = store.run(Ref("tiny", store.recipes("tiny")[0]), RunName("0")).recipe_file
        assert str(caught.value.do) == f"cli zoo train {file} --fold {folds[0]} --with-val"


def test_a_recipe_that_was_named_is_trained_again_by_its_own_file(store):
    (recipe,) = store.recipes("tiny")
    with pytest.raises(UserError) as caught:
        most_trained(store, Ref("tiny", recipe[:4]), ["2"], split_of(store, "tiny"))
    file = store.run(Ref("tiny", recipe), RunName("0")).recipe_file
    assert str(caught.value.do) == f"cli zoo train {file} --fold 2 --with-val"


def test_a_run_that_was_begun_is_named(store):
    (recipe,) = store.recipes("tiny")
    place = store.run(Ref("tiny", recipe), RunName("0"))
    place.result.unlink()
    with pytest.raises(UserError, match=f"{place.folder} is unfinished: resume it with the command that started it"):
        most_trained(store, Ref("tiny"), ["0"], "")


def test_a_folder_in_a_wrong_place_is_passed_over_and_named(store):
    (recipe,) = store.recipes("tiny")
    folder = store.recipe_folder(Ref("tiny", recipe))
    shutil.copytree(folder, folder.with_name("backup"))
    heard = Heard()
    assert sum(map(len, runs_by_recipe(store, Ref("tiny"), heard))) == 2
    (note,) = heard.notes
    assert f"{folder.with_name('backup') / 'fold-0'}, {folder.with_name('backup') / 'fold-1'}; remove them" in note
    with pytest.raises(UserError, match="holds a run of another recipe"):
        runs_by_recipe(store, Ref("tiny", "backup"))


def test_the_training_of_a_recipe_is_summed_over_its_runs_and_stages(store):
    (recipe,) = store.recipes("tiny-staged")
    training = read_training(store, Ref("tiny-staged", recipe))
    (ended,) = runs_by_recipe(store, Ref("tiny-staged"))[0]
    assert training.epochs == sum(stage["epochs"] for stage in ended.result["stages"])
    assert (training.runs, training.recipe) == (1, ended.run.recipe)
    assert read_training(store, Ref("tiny-staged", "0" * 12)) is None
