"""A member, a recipe or an ensemble is taken out of the runs folder as a whole, and nothing else is touched."""

from concurrent.futures import ThreadPoolExecutor

import click
import pytest

from cli.app import run
from core.errors import UnknownName, UsageError
from core.locks import Claimed, claim
from pipeline.removal import plan_removal
from pipeline.verify import is_left
from tests.ensemble.runs import fake_runs
from zoo.runs import Ref, RunName, Store
from zoo.runs.store import REMOVED


@pytest.fixture
def made(tmp_path, capsys):
    made = fake_runs(tmp_path, records=6, noise=(1.0, 1.0))
    words = ["--data", str(made.data), "--runs", str(made.runs), "--method", "uniform", "--min-pixels", "none"]
    assert run(["ensemble", "fit", *words]) == 0
    capsys.readouterr()
    for recipe in ("abc123", "def456"):
        (made.runs / "members" / "m0" / recipe / "fold-0").mkdir(parents=True)
        (made.runs / "members" / "m0" / recipe / "fold-0" / "recipe.toml").write_text("x")
    return made


def test_a_recipe_goes_and_the_member_stays(made):
    store = Store(made.runs)
    removal = plan_removal(store, "m0@abc")
    assert removal.name == "m0@abc123"
    assert removal.used_by == ("default",)
    removal.take()
    assert store.recipes("m0") == ["def456"]
    assert store.predicted_members() == ["m1"]
    assert not list(store.root.glob(".removed*"))


def test_what_a_killed_removal_leaves_is_named_and_goes_with_the_next(made):
    store = Store(made.runs)
    left = made.runs / ".removed.abcd1234.tmp" / "0" / "manifest.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    assert is_left(left)
    plan_removal(store, "default").take()
    assert not list(store.root.glob(".removed*"))


def test_a_member_goes_as_a_whole(made, capsys):
    store = Store(made.runs)
    assert run(["zoo", "remove", "m0", "--yes", "--runs", str(made.runs)]) == 0
    assert (store.trained_members(), store.predicted_members(), store.ensembles()) == ([], ["m1"], ["default"])
    told = capsys.readouterr()
    assert told.out == "removed member m0\n"
    assert str(made.runs / "predictions" / "m0") in told.err
    assert "used by ensemble default" in told.err


def test_names_without_anything_here_are_not_proposed(made):
    with pytest.raises(UnknownName, match='"lite0"; known: default, m0, m1'):
        plan_removal(Store(made.runs), "lite0")


def test_an_ensemble_goes_alone(made):
    store = Store(made.runs)
    plan_removal(store, "default").take()
    assert (store.ensembles(), store.predicted_members()) == ([], ["m0", "m1"])


def test_an_ensemble_with_the_name_of_a_member_goes_by_its_longer_one(made):
    store = Store(made.runs)
    (store.ensemble("default").parent).rename(store.ensemble("m0").parent)
    with pytest.raises(
        UsageError, match=r'"m0" is a member and an ensemble; M@HASH names the member, ensemble\+m0 the'
    ):
        plan_removal(store, "m0")
    plan_removal(store, "ensemble+m0").take()
    assert (store.ensembles(), store.predicted_members()) == ([], ["m0", "m1"])


def test_nothing_goes_unless_it_is_agreed_to(made, monkeypatch, capsys):
    words = ["zoo", "remove", "m0", "--runs", str(made.runs)]
    assert run(words) == 2
    assert "give --yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def refuse(*_, **__):
        raise click.Abort

    monkeypatch.setattr(click, "confirm", refuse)
    assert run(words) == 130
    assert "m0" in Store(made.runs).predicted_members()


def test_a_run_that_is_being_trained_stays(made):
    store = Store(made.runs)
    (place,) = store.runs(Ref("m0", "abc123"))
    removal = plan_removal(store, "m0")
    with place.claimed(), ThreadPoolExecutor(1) as other, pytest.raises(Claimed):
        other.submit(removal.take).result()
    assert store.recipes("m0") == ["abc123", "def456"]


@pytest.mark.parametrize("what", ["a run without files", "a prediction set", "the epochs of a recipe"])
def test_what_another_command_writes_stays(made, what):
    store = Store(made.runs)
    recipe = store.recipe_folder(Ref("m0", "abc123"))
    written = {
        "a run without files": recipe / "fold-7",
        "a prediction set": next(place.folder for place in store.sets(member="m0")),
        "the epochs of a recipe": recipe,
    }
    before = sorted(made.runs.rglob("*"))
    with claim(written[what]), ThreadPoolExecutor(1) as other, pytest.raises(Claimed):
        other.submit(plan_removal(store, "m0").take).result()
    assert sorted(made.runs.rglob("*")) == before


def test_no_run_begins_while_its_member_is_removed(made):
    store = Store(made.runs)

    def train():
        with store.run(Ref("m0", "new"), RunName("0")).claimed():
            pass

    with claim(store.member("m0"), REMOVED), ThreadPoolExecutor(1) as other, pytest.raises(Claimed, match="removed by"):
        other.submit(train).result()
    assert not store.recipe_folder(Ref("m0", "new")).exists()
    train()


def test_unknown_names_are_answered(made):
    store = Store(made.runs)
    with pytest.raises(UnknownName, match='did you mean "m0"'):
        plan_removal(store, "m00")
    with pytest.raises(UsageError, match="no such recipe"):
        plan_removal(store, "m0@fff")
