"""The `[tune]` table: what it allows, what it refuses, and that it counts in no hash."""

import pytest

from core.errors import UserError
from zoo.members import load_member
from zoo.members.space import Choice, Range
from zoo.training.tuning import default_space

SPACE = """
base = "lite0-fc-t5"
[tune]
lr = {low = 1e-4, high = 1e-2, log = true}
batch = [4, 8]
augment = ["d4", "flips"]
frames = [[5], [4, 5, 6]]
"""


def member(folder, text):
    (folder / "mine.toml").write_text(text)
    return load_member(str(folder / "mine.toml"))


def test_a_table_is_ranges_and_choices(tmp_path):
    assert member(tmp_path, SPACE).tune == (
        ("lr", Range(low=1e-4, high=1e-2, log=True)),
        ("batch", Choice((4, 8))),
        ("augment", Choice(("d4", "flips"))),
        ("frames", Choice(((5,), (4, 5, 6)))),
    )


def test_what_may_be_tuned_is_no_part_of_what_is_trained(tmp_path):
    plain = load_member("lite0-fc-t5")
    mine = member(tmp_path, SPACE)
    assert mine.hash(False, "") == plain.hash(False, "")
    assert "tune" not in mine.resolved
    assert member(tmp_path, mine.as_toml()).tune == ()


def test_an_heir_has_its_bases_space_unless_it_brings_its_own(tmp_path):
    space = member(tmp_path, SPACE).tune
    (tmp_path / "heir.toml").write_text('base = "mine.toml"\nbatch = 16\n')
    assert load_member(str(tmp_path / "heir.toml")).tune == space
    (tmp_path / "heir.toml").write_text('base = "mine.toml"\n[tune]\nbatch = [2]\n')
    assert load_member(str(tmp_path / "heir.toml")).tune == (("batch", Choice((2,))),)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lrr = [1e-3]", r'mine.toml: \[tune\]: no key "lrr"; did you mean "lr"'),
        ("lr = 1e-3", r"\[tune\] lr = 0.001; give a list of values"),
        ("lr = []", r"give a list of values"),
        ("lr = {low = 1e-3}", r"give low and high, numbers"),
        ("lr = {low = 1e-2, high = 1e-3}", r"the first one below the second"),
        ("lr = {low = 0.0, high = 1.0, log = true}", r"log needs low above 0"),
        ("lr = {low = 0.1, high = 1.0, logg = true}", r'no key "logg"; did you mean "log"'),
    ],
)
def test_a_fault_is_named(tmp_path, line, words):
    with pytest.raises(UserError, match=words):
        member(tmp_path, f'base = "lite0-fc-t5"\n[tune]\n{line}\n')


def test_a_key_of_a_stage_needs_no_quotes(tmp_path):
    stages = "stages = [{epochs = 1}, {epochs = 2}]\n[tune]\n"
    mine = member(tmp_path, f'base = "lite0-fc-t5"\n{stages}stages.2.lr = [1e-3, 1e-4]\n"stages.1.epochs" = [1, 2]\n')
    assert dict(mine.tune) == {"stages.2.lr": Choice((1e-3, 1e-4)), "stages.1.epochs": Choice((1, 2))}
    assert "mine.toml: [tune] stages.2.lr" in dict(mine.tune)["stages.2.lr"].where


@pytest.mark.parametrize("value", [8, 8.0])
def test_a_range_of_whole_numbers_holds_no_others(value):
    assert value in Range(low=2, high=8)
    assert 2.5 not in Range(low=2, high=8)
    assert 2.5 in Range(low=2.0, high=8)


def test_every_shipped_member_can_be_tuned_as_it_is():
    recipe = load_member("lite0-fc-t5")
    for key, entry in default_space(recipe):
        assert getattr(recipe, key) in entry
