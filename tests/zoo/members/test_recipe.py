"""A recipe is a value: what counts in its hash, and what its keys may be."""

import pickle
import tomllib
from dataclasses import MISSING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.members import load_member, read_recipe, with_settings
from zoo.members.recipe import KEYS, keys_of
from zoo.members.toml import frozen, thawed, toml_text


def test_every_key_and_the_split_make_the_hash():
    recipe = load_member("lite0-fc-t5")
    hashes = {
        recipe.hash(False, "a"),
        recipe.hash(True, "a"),
        recipe.hash(False, "b"),
        with_settings(recipe, {"lr": 1e-4}).hash(False, "a"),
    }
    assert len(hashes) == 4
    assert recipe.hash(False, "a") == load_member("lite0-fc-t5").hash(False, "a")


def test_a_hash_is_for_ever():
    """What was trained months ago must be found: a key of today is never renamed, nor its default changed, and a new
    one stays out of the hash at its default."""
    assert load_member("lite0-fc-t5").hash(True, "x") == "5fd476660be9"
    assert load_member("resnet18-fc-t5").hash(False, "y") == "d414ca95f081"


def test_a_later_key_counts_only_where_it_differs():
    recipe = load_member("lite0-fc-t5")
    assert with_settings(recipe, {"milestones": [0.5, 0.75]}).hash(True, "x") == recipe.hash(True, "x")
    assert with_settings(recipe, {"milestones": [0.5]}).hash(True, "x") != recipe.hash(True, "x")


def test_keys_that_only_make_it_faster_do_not_count():
    recipe = load_member("lite0-fc-t5")
    faster = with_settings(recipe, {"compile": True, "checkpointing": True, "channels_last": False})
    assert faster.hash(True, "x") == recipe.hash(True, "x")
    assert with_settings(recipe, {"precision": "bf16"}).hash(True, "x") != recipe.hash(True, "x")


def test_they_do_not_count_inside_a_stage_either():
    staged, faster = (
        with_settings(load_member("lite0-fc-t5"), {"stages": [{"epochs": 2, **keys}, {"epochs": 3}]})
        for keys in ({}, {"compile": True, "checkpointing": True})
    )
    assert faster.staged[0].compile
    assert faster.hash(True, "x") == staged.hash(True, "x")


@pytest.mark.parametrize(("key", "whole"), [("weight_decay", 0), ("lr", 1), ("clip", 5), ("warmup", 0)])
def test_a_whole_number_is_the_same_number(key, whole):
    recipe = load_member("resnet18-fc-t5")
    whole_ones, others = (with_settings(recipe, {key: value}) for value in (whole, float(whole)))
    assert whole_ones.as_toml() == others.as_toml()
    assert whole_ones.hash(True, "x") == others.hash(True, "x")
    first, second = (with_settings(recipe, {"stages": [{key: value}]}) for value in (whole, float(whole)))
    assert first.hash(True, "x") == second.hash(True, "x")
    assert with_settings(recipe, {"epochs": 4}).epochs == 4
    assert isinstance(with_settings(recipe, {"stages": [{"epochs": 4}]}).staged[0].epochs, int)


def test_what_a_recipe_may_choose_is_what_is_there():
    from zoo.members import recipe
    from zoo.models.decoders import DECODERS
    from zoo.models.time_mixing import TIME_MIXING

    assert DECODERS.names() == recipe.DECODER_NAMES
    assert TIME_MIXING.names() == recipe.TIME_MIXING_NAMES


@given(st.text())
@example('C:\\new\x7f\x00\r\n\t"\'"""\u2028')
@example("🛰 \U0010ffff")
def test_any_text_comes_back_from_toml(text):
    assert tomllib.loads(f"key = {toml_text(text)}")["key"] == text
    assert tomllib.loads(f"key = {toml_text([{'a': text}, 1.5, True])}")["key"] == [{"a": text}, 1.5, True]


def test_a_path_beyond_the_basic_plane_comes_back_from_a_run(tmp_path):
    recipe = with_settings(load_member("lite0-fc-t5"), {"weights": "/дом/🛰/weights.pt"})
    (tmp_path / "recipe.toml").write_text(recipe.as_toml(), encoding="utf-8")
    assert read_recipe(tmp_path / "recipe.toml", recipe.name).resolved == recipe.resolved


def test_the_epochs_of_all_stages_count():
    assert load_member("lite0-fc-t5").total_epochs == load_member("lite0-fc-t5").epochs
    staged = with_settings(load_member("lite0-fc-t5"), {"stages": [{"epochs": 2}, {"epochs": 5, "size": 64}]})
    assert staged.total_epochs == 7


def test_stages_and_hash_are_computed_once(monkeypatch):
    staged = with_settings(load_member("lite0-fc-t5"), {"stages": [{"epochs": 2}, {"epochs": 5}]})
    assert staged.staged is staged.staged
    assert staged.loss_terms is staged.loss_terms
    first = staged.hash(True, "x")
    monkeypatch.setattr(type(staged), "counted", property(lambda recipe: pytest.fail("counted again")))
    assert staged.hash(True, "x") == first


def test_a_recipe_that_was_used_is_equal_to_a_fresh_one_and_can_be_sent_to_a_worker():
    recipe = load_member("lite0-fc-t5-staged")
    recipe.hash(True, "x"), recipe.final, recipe.loss_terms
    assert recipe == load_member("lite0-fc-t5-staged")
    assert pickle.loads(pickle.dumps(recipe)) == recipe


@pytest.mark.parametrize("name", KEYS)
def test_a_default_fits_its_own_key(name):
    told = KEYS[name]
    if told.default is not MISSING:
        told.check("default", name, told.default)
        assert frozen(thawed(told.default)) == told.default


def test_keys_of_all_parts_are_all_keys():
    parts = {told.part for told in KEYS.values()}
    assert keys_of(*parts) == tuple(KEYS) == tuple(load_member("lite0-fc-t5").resolved)
