"""Line-ups: what a name stands for, and which names are refused."""

from pathlib import Path

import pytest

from core.errors import UnknownName, UsageError
from zoo.lineups import DEFAULT, LineUps
from zoo.members import load_member
from zoo.runs import Store


@pytest.fixture
def store(tmp_path):
    """Store in which one member is trained, and another one predicted."""
    (tmp_path / "members/mine/abc/fold-0").mkdir(parents=True)
    (tmp_path / "predictions/foreign/abc").mkdir(parents=True)
    return Store(tmp_path)


@pytest.fixture
def lineups(store):
    named = {"pair": ("lite1-fc-t5", "foreign"), "none": (), "typo": ("lite0-fc-t5x",)}
    return LineUps(store=store, lineups=named, source=Path("contrails.toml"))


def test_without_names_the_default_is_taken(store, lineups):
    assert lineups.members(()) == DEFAULT
    assert LineUps(store=store, lineups={"default": ("mine",)}).members(()) == ("mine",)


def test_the_weights_of_the_default_come_with_the_install():
    from zoo.models.weights import locate

    assert all(locate(load_member(name).encoder, load_member(name).weights).kind == "package" for name in DEFAULT)


def test_line_ups_are_replaced_by_their_members(lineups):
    assert lineups.members(("mine", "pair", "lite0-fc-t5@1234")) == (
        "mine",
        "lite1-fc-t5",
        "foreign",
        "lite0-fc-t5@1234",
    )


@pytest.mark.parametrize("made", ["", "trained", "predicted"])
@pytest.mark.parametrize("name", ["mine", "foreign", "lite0-fc-t5"])
def test_a_member_that_is_listed_trained_or_predicted_may_be_named(lineups, name, made):
    assert lineups.members((name,), made) == (name,)


@pytest.mark.parametrize(
    ("name", "made", "words"),
    [
        ("lite0-fc-t5x", "", 'no member or line-up "lite0-fc-t5x"; did you mean "lite0-fc-t5"'),
        ("mni", "trained", 'no trained member or line-up "mni"; did you mean "mine"'),
        ("foriegn@12", "predicted", 'no predicted member or line-up "foriegn@12"; did you mean "foreign"'),
        ("typo", "", 'contrails.toml: lineups.typo: no member "lite0-fc-t5x"; did you mean "lite0-fc-t5"'),
    ],
)
def test_a_name_that_is_nowhere_is_answered_with_the_nearest(lineups, name, made, words):
    with pytest.raises(UnknownName, match=words):
        lineups.members((name,), made)


def test_an_empty_line_up_is_refused_with_the_file_that_names_it(lineups):
    with pytest.raises(UsageError, match=r"contrails\.toml: lineups\.none names no member"):
        lineups.members(("none",))


def test_a_file_may_be_trained_before_it_is_there_but_not_predicted(lineups, tmp_path):
    assert lineups.members(("own.toml",)) == ("own.toml",)
    with pytest.raises(UnknownName):
        lineups.members(("own.toml",), "trained")
    (tmp_path / "own.toml").touch()
    assert lineups.members((str(tmp_path / "own.toml"),), "trained")
