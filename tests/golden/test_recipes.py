"""A recipe keeps its hash, which names the folder of every run of it, and a recipe.toml stays readable.

`recipe_hashes.json` only grows, by new members: a new member, or a new key at its default, changes no hash. (Those of
rows 29 to 31, of place 1 and of a member of place 2 changed once, on purpose, when their keys did.) It holds the hashes
with and without validation records, and the recipe.toml, of every shipped member, of members in files (among them those
that `zoo tune` wrote) and of members with `--set`. A recipe.toml is kept as what differs from that of `lite0-fc-t5`.
"""

import json
import shlex
from pathlib import Path

import pytest

from zoo.members import load_member, member_names, parse_setting, read_recipe, with_settings

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "recipe_hashes.json").read_text(encoding="utf-8"))
RECIPES = {name: {**entry, "toml": GOLDEN["toml"] | entry["toml"]} for name, entry in GOLDEN["recipes"].items()}


def recipe_of(name):
    """By what a user types: a member or a file, and --set."""
    member, *words = shlex.split(name)
    path = str(HERE / member) if member.endswith(".toml") else member
    return with_settings(load_member(path, HERE / "members"), dict(parse_setting(text) for text in words[1::2]))


def hashes_of(recipe):
    return [recipe.hash(with_val, GOLDEN["folds_sha256"]) for with_val in (False, True)]


@pytest.fixture(scope="module")
def recipes():
    return {name: recipe_of(name) for name in RECIPES}


def other_hashes(recipes):
    """A line for each recipe at fault."""
    old = {name: [entry["hash"], entry["hash_with_val"]] for name, entry in RECIPES.items()}
    new = {name: hashes_of(recipe) for name, recipe in recipes.items()}
    return [f"{name}: {old[name]} became {new[name]}" for name in RECIPES if old[name] != new[name]]


def test_every_recipe_keeps_its_hashes(recipes):
    changed = other_hashes(recipes)
    assert not changed, "\n".join(changed)


def test_every_recipe_is_written_down_as_before(recipes):
    """A later release may add keys, and changes none."""
    changed = []
    for name, recipe in recipes.items():
        written = dict(line.split(" = ", 1) for line in recipe.as_toml().splitlines())
        for key, value in RECIPES[name]["toml"].items():
            if written.get(key) != value:
                changed.append(f"{name}: {key} = {value} became {written.get(key)}")
    assert not changed, "\n".join(changed)


def test_every_recipe_that_was_written_down_is_read_as_the_same(recipes, tmp_path):
    path = tmp_path / "recipe.toml"
    read = {}
    for name, entry in RECIPES.items():
        path.write_text("".join(f"{key} = {value}\n" for key, value in entry["toml"].items()), encoding="utf-8")
        read[name] = read_recipe(path, recipes[name].name)
    changed = other_hashes(read)
    assert not changed, "\n".join(changed)


def test_every_shipped_member_is_frozen_here():
    assert set(member_names()) <= RECIPES.keys()


def test_every_key_has_a_variant():
    """Each key of the recipe differs from its default in one of the recipes, or it would not be tested here."""
    first = GOLDEN["toml"]
    varied = {key for entry in RECIPES.values() for key, value in entry["toml"].items() if value != first.get(key)}
    assert varied >= first.keys()  # recipes of later releases have later keys
