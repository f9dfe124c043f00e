"""The offset of labels in a recipe: found in the sources, counted where views are registered."""

import pytest

from core.errors import UserError
from tests.scenes import write_record
from zoo.data import open_scenes
from zoo.members import load_member, pin_label_offset, require_label_offset, with_settings

REGISTERED = load_member("lite0-fc-t5")


@pytest.fixture
def scenes(tmp_path):
    """Two sources of different offsets, each alone and both."""
    for name, offset in (("own", 0.0), ("public", 0.5)):
        write_record(tmp_path / name, "train", str(len(name)))
        (tmp_path / name / "source.toml").write_text(f"label_offset = {offset}")
    return {
        words: open_scenes([tmp_path / name for name in words.split()]) for words in ("own", "public", "own public")
    }


def test_an_offset_of_its_own_makes_another_recipe_only_where_views_are_registered(scenes):
    hashes = {name: pin_label_offset(REGISTERED, scenes[name]).hash(False, "x") for name in ("own", "public")}
    assert hashes["public"] == REGISTERED.hash(False, "x") != hashes["own"]
    plain = with_settings(REGISTERED, {"registered": False})
    assert pin_label_offset(plain, scenes["own"]).hash(False, "x") == plain.hash(False, "x")


def test_views_move_labels_by_the_offset_of_the_sources(scenes):
    assert [pin_label_offset(REGISTERED, scenes[name]).view_offset for name in ("own", "public")] == [0.0, 0.5]
    assert pin_label_offset(with_settings(REGISTERED, {"registered": False}), scenes["public"]).view_offset == 0.0


def test_sources_of_different_offsets_are_refused_where_views_are_registered(scenes):
    mixed = scenes["own public"]
    with pytest.raises(UserError, match="train with --set registered=false"):
        require_label_offset(pin_label_offset(REGISTERED, mixed), mixed)
    plain = with_settings(REGISTERED, {"registered": False})
    require_label_offset(pin_label_offset(plain, mixed), mixed)
    staged = with_settings(plain, {"stages": [{"registered": False}, {"registered": True}]})
    with pytest.raises(UserError, match="train with --set registered=false"):
        require_label_offset(pin_label_offset(staged, mixed), mixed)


def test_an_offset_that_a_recipe_states_must_be_that_of_the_labels(scenes):
    """As the recipe.toml of a run does, from before the source stated another."""
    stated = with_settings(REGISTERED, {"label_offset": 0.5})
    require_label_offset(pin_label_offset(stated, scenes["public"]), scenes["public"])
    with pytest.raises(UserError, match=r"label_offset = 0\.5, and labels of .*own lie 0 px off"):
        require_label_offset(pin_label_offset(stated, scenes["own"]), scenes["own"])
