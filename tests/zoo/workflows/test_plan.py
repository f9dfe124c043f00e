"""A plan: one command a run, in any order and at once; they end as one `zoo train`."""

import shlex
from dataclasses import replace

import pytest

from cli.app import run
from core.errors import UsageError
from tests.forks import REFUSED, at_once
from tests.zoo.training.cases import TINY, TINY_FILE, TINY_KEYS, write_scenes
from zoo.data import read_folds
from zoo.members import load_member, with_settings
from zoo.members.costs import START, run_cost
from zoo.members.settings import parse_setting
from zoo.runs import Store
from zoo.workflows.plan import Asked, plan, plan_training
from zoo.workflows.train import train

SETS = dict(map(parse_setting, TINY_KEYS.split()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    (folder / "of me").mkdir()
    (folder / "of me" / "mine.toml").write_text(TINY_FILE)
    return folder


@pytest.fixture(scope="module")
def scenes(folder):
    return write_scenes(folder / "scenes")


def weights(store):
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*.safetensors")}


def maps(store):
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*.zst")}


def test_the_commands_of_a_plan_end_as_one_training_in_any_order_and_at_once(
    folder, scenes, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    member = "zoo train 'of me/mine.toml' --set batch=2 --epochs 2 --data scenes --jobs 1"

    def runs(command):
        assert run(shlex.split(command)) == 0
        return capsys.readouterr()

    said = runs(f"{member} --runs {tmp_path}/single --plan")
    commands = said.out.splitlines()
    assert len(commands) == read_folds(tmp_path / "single" / "folds.csv").count
    assert commands[1] == (
        "cli zoo train 'of me/mine.toml' --fold 1 --epochs 2 --set batch=2 --jobs 1"
        f" --data scenes --runs {tmp_path}/single"
    )
    assert "on one CPU core" in said.err
    assert [path.name for path in (tmp_path / "single").iterdir()] == ["folds.csv"]
    *rest, last = [lambda command=command: runs(command.removeprefix("cli ")) for command in commands]
    assert at_once([*reversed(rest)]) == [0] * len(rest)
    assert at_once([last]) == [0]
    runs(f"{member} --runs {tmp_path}/whole")
    assert weights(tmp_path / "single") == weights(tmp_path / "whole")
    assert maps(tmp_path / "single") == maps(tmp_path / "whole")
    assert not list((tmp_path / "single").rglob("epoch-*"))
    said = runs(f"{member} --runs {tmp_path}/single --plan")
    assert said.out == ""
    assert "Nothing to train" in said.err


def test_two_that_run_the_same_command_do_not_train_a_run_twice(folder, scenes, tmp_path):
    """At once, one of them is refused; there is no third way."""
    plan(["lite0-fc-t5"], scenes, Store(tmp_path), fold="0", sets=SETS, epochs=1)

    def trains():
        train(TINY, scenes, Store(tmp_path), fold="0", epochs=20, device="cpu", jobs=1)

    assert sorted(at_once([trains, trains])) == [0, REFUSED]


def test_a_plan_names_the_recipe_that_a_member_starts_from(scenes, tmp_path):
    start = replace(TINY, name="first")
    trained = train(start, scenes, Store(tmp_path), epochs=1, device="cpu", jobs=1)
    (one,) = plan(["lite0-fc-t5"], scenes, Store(tmp_path), fold="0", sets=SETS, start="first", with_val=True)
    words = str(one.command)
    assert f"--from {trained[0].run.ref} " in words
    assert " --with-val" in words
    soup = plan(
        ["lite0-fc-t5"], scenes, Store(tmp_path), sets={**SETS, "soup": 2}, start="first", tta="hflip", seed=1, jobs=3
    )
    (soup,) = soup
    assert "--fold all --seed 1 " in str(soup.command)
    assert str(soup.command).endswith("--set soup=2 --tta hflip --jobs 3")
    assert len(soup.job.planned) == 3 * trained[0].run.store.highest_fold() + 3


def test_a_run_is_complete_with_its_predictions(scenes, tmp_path):
    (each,) = train(TINY, scenes, Store(tmp_path), fold="0", epochs=1, device="cpu", jobs=1)
    planned = plan_training(TINY, scenes, Store(tmp_path), Asked(fold="0", epochs=1))
    assert planned.open_jobs == []
    assert [job.fold for job in plan_training(TINY, scenes, Store(tmp_path), Asked(epochs=1)).open_jobs] == [
        "1",
        "2",
        "3",
        "4",
    ]
    (each.predictions.folder / "manifest.json").unlink()
    assert len(plan_training(TINY, scenes, Store(tmp_path), Asked(fold="0", epochs=1)).open_jobs) == 1
    assert plan_training(TINY, scenes, Store(tmp_path), Asked(fold="full", epochs=1)).open_jobs[0].fold == "full"


def test_a_plan_is_refused_as_a_training_is(scenes, tmp_path):
    with pytest.raises(UsageError, match="--fold 7"):
        plan(["lite0-fc-t5"], scenes, Store(tmp_path), fold="7", sets=SETS)
    assert not tmp_path.joinpath("members").exists()


def test_the_cost_of_a_run_follows_records_epochs_and_runs():
    recipe = load_member("lite0-fc-t5")
    one = run_cost(recipe, 1000, 200)
    longer = run_cost(with_settings(recipe, {"epochs": 40}), 1000, 200)
    assert longer.gpu_hours == pytest.approx(2 * one.gpu_hours, rel=0.01)  # the fold is predicted once more at the end
    assert run_cost(recipe, 2000, 400).core_hours == pytest.approx(2 * one.core_hours - START / 3600)
    rarely = run_cost(with_settings(recipe, {"score_every": 20}), 1000, 200)
    assert one.gpu_hours / rarely.gpu_hours == pytest.approx((20 * 3200 + 200) / (20 * 3000 + 400))
    assert run_cost(recipe, 1000, 200, runs=3).disk_mb == pytest.approx(3 * one.disk_mb, rel=1e-3)
    assert run_cost(TINY, 1000, 200) is None  # a network that the table does not hold
