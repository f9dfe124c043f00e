"""A file of first weights is known by what is in it: wherever it lies, and when it is gone."""

import shutil
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file

from core.errors import UsageError, UserError
from core.files import sha256_of_file
from tests.zoo.training.cases import TINY, complete, plan, trained
from zoo.members import load_member, with_settings
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs, read_training
from zoo.training import check_run, pin_warm_start


def write_weights(path, seed=1):
    torch.manual_seed(seed)
    path.parent.mkdir(exist_ok=True)
    save_file(timm.create_model(TINY.encoder).state_dict(), path)
    return str(path)


@pytest.fixture
def pinned(tmp_path, folds):
    def pin(path, recipe=TINY, **changes):
        changed = with_settings(recipe, {"weights": str(path), **changes})
        return pin_warm_start(changed, Store(tmp_path / "runs"), ["0"], folds)[0]

    return pin


def named(recipe):
    return recipe.hash(False, "split")


def test_the_same_weights_elsewhere_are_the_same_recipe_and_others_there_another_one(tmp_path, pinned):
    here, there = (write_weights(tmp_path / name) for name in ("here.safetensors", "there.safetensors"))
    first = pinned(here)
    assert first.weights_sha256 == sha256_of_file(tmp_path / "here.safetensors")[:12]
    assert named(first) == named(pinned(there))
    write_weights(tmp_path / "here.safetensors", seed=2)
    assert named(first) != named(pinned(here))


def test_of_a_folder_the_file_counts_that_the_encoder_takes(tmp_path, pinned):
    write_weights(tmp_path / "packed" / f"{TINY.encoder}.safetensors")
    alone = write_weights(tmp_path / "alone.safetensors")
    first = pinned(tmp_path / "packed")
    assert named(first) == named(pinned(alone))
    (tmp_path / "packed" / "other.safetensors").write_bytes(b"of another encoder")
    assert named(first) == named(pinned(tmp_path / "packed"))


def test_weights_that_have_a_name_are_not_looked_at(folds, tmp_path):
    for weights in ("imagenet", "none"):
        recipe = with_settings(TINY, {"weights": weights})
        assert pin_warm_start(recipe, Store(tmp_path), ["0"], folds)[0] == recipe


def test_a_path_on_the_command_line_stands_in_the_working_directory(tmp_path, pinned, monkeypatch):
    path = write_weights(tmp_path / "mine.safetensors")
    monkeypatch.chdir(tmp_path)
    assert pinned("mine.safetensors") == pinned(path)
    assert pinned("mine.safetensors").weights == path  # the run's own file says so to any working directory


def test_a_run_is_known_when_its_weights_are_gone(tmp_path, scenes, folds, pinned):
    path = tmp_path / "mine.safetensors"
    recipe = pinned(write_weights(path))
    run = trained(
        tmp_path / "runs",
        scenes,
        folds,
        {"weights": recipe.weights, "weights_sha256": recipe.weights_sha256, "epochs": 1},
    )
    assert run.hash == plan(tmp_path / "runs", folds, replace(recipe, epochs=1)).hash
    path.unlink()
    shutil.copytree(tmp_path / "runs", tmp_path / "elsewhere")
    (found,) = find_runs(Store(tmp_path / "elsewhere"), Ref(TINY.name, run.hash))
    assert found.complete
    assert read_training(Store(tmp_path / "runs"), run.ref).recipe.resolved == run.recipe.resolved
    again = plan(tmp_path / "runs", folds, pinned(path, epochs=1))  # the same command as ever
    assert complete(again)
    check_run(again, scenes, folds, "cpu")
    with pytest.raises(UserError, match="no such file or folder"):
        pinned(path, epochs=2)


def test_weights_of_another_hash_than_a_members_file_says_are_refused(tmp_path, pinned):
    recipe = pinned(write_weights(tmp_path / "mine.safetensors"))
    write_weights(tmp_path / "mine.safetensors", seed=2)
    with pytest.raises(UserError, match=f"and not {recipe.weights_sha256}"):
        pin_warm_start(recipe, Store(tmp_path), ["0"], None)
    assert with_settings(recipe, {"weights": "none"}).weights_sha256 == ""


def test_a_start_that_a_file_names_and_is_not_there_is_that_files_fault(tmp_path, scenes, folds):
    trained(tmp_path, scenes, folds, {"epochs": 1})
    (tmp_path / "mine.toml").write_text(f'base = "{TINY.name}"\nstart_from = "lite0-fc-t"\n')
    mine = load_member(str(tmp_path / "mine.toml"))
    typed = with_settings(mine, {"start_from": "x"})
    for recipe, where, code in ((mine, str(tmp_path / "mine.toml"), 1), (typed, "mine", 2)):
        with pytest.raises(UserError, match=f"{where}: start_from: .*: no trained member") as caught:
            pin_warm_start(recipe, Store(tmp_path), ["0"], folds)
        assert caught.value.exit_code == code


@pytest.mark.parametrize(
    ("start", "changes", "words"),
    [
        ("resnet18-fc-t5", {}, "has encoder resnet18, and this one tf_efficientnet_lite0"),
        ("lite1-fc-t5", {}, "has encoder tf_efficientnet_lite1, and this one tf_efficientnet_lite0"),
        (TINY.name, {"encoder": "test_resnet"}, "has encoder test_efficientnet, and this one test_resnet"),
        (TINY.name, {"encoder": TINY.encoder, "input": "split_window"}, "gives its encoder 3 channels, and"),
    ],
)
def test_a_start_with_another_encoder_is_refused_before_anything_is_trained(
    start, changes, words, tmp_path, scenes, folds
):
    trained(tmp_path, scenes, folds, {"epochs": 1})
    recipe = replace(with_settings(load_member("lite0-fc-t5"), {"start_from": start, **changes}), name="heir")
    if start == TINY.name:
        recipe = replace(recipe, start_from=f"{start}@{plan(tmp_path, folds, with_settings(TINY, {'epochs': 1})).hash}")
    with pytest.raises(UsageError, match=f"^heir: start_from: {start}.* {words}"):
        pin_warm_start(recipe, Store(tmp_path), ["0"], folds)


def test_of_a_members_recipes_that_with_the_encoder_is_the_start_whatever_its_tag(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    trained(tmp_path, scenes, folds, {"epochs": 1, "encoder": "test_resnet"})  # newer
    recipe = replace(
        with_settings(TINY, {"encoder": f"{TINY.encoder}.r160_in1k", "start_from": TINY.name}), name="heir"
    )
    assert pin_warm_start(recipe, Store(tmp_path), ["0"], folds)[0].start_from == f"{TINY.name}@{source.hash}"
    with pytest.raises(UserError, match="heir: start_from: .* no complete run of fold 1"):
        pin_warm_start(recipe, Store(tmp_path), ["1"], folds)


def test_a_recipe_that_runs_faster_does_not_start_from_its_own_fruit(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    recipe = with_settings(source.recipe, {"start_from": TINY.name})
    child = trained(tmp_path, scenes, folds, {"epochs": 1, "start_from": f"{TINY.name}@{source.hash}"})
    assert child.hash != source.hash
    faster = with_settings(recipe, {"channels_last": False})
    assert pin_warm_start(faster, Store(tmp_path), ["0"], folds)[0].start_from == f"{TINY.name}@{source.hash}"


def test_the_runs_own_file_trains_the_same_recipe(tmp_path, pinned):
    recipe = pinned(write_weights(tmp_path / "mine.safetensors"))
    (tmp_path / "again.toml").write_text(recipe.as_toml())
    assert named(load_member(str(tmp_path / "again.toml"))) == named(recipe)
