"""A run, a search: trained by one process at a time; who comes second is told who that is, and loses nothing."""

from pathlib import Path

import pytest

from core.locks import Claimed
from tests.forks import Holding
from tests.heard import Heard
from tests.zoo.training.cases import TINY, TINY_FILE, complete, plan, trained
from zoo.members import with_settings
from zoo.runs import Store
from zoo.training import run_datasets, train
from zoo.workflows import train as workflow
from zoo.workflows.train import train as train_members
from zoo.workflows.tune import tune

MINE = f"""{TINY_FILE}
[tune]
lr = [1e-2, 3e-2]
"""


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_another_process_trains_is_refused_and_stays_as_it_is_until_that_is_gone(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"average_best": 2}))
    datasets = run_datasets(run, scenes, folds)

    def interrupt() -> None:
        if len(heard.steps) == 4:  # in the second epoch
            raise KeyboardInterrupt

    heard = Heard(interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(run, *datasets, "cpu", heard)
    other = Holding(run.folder, "is being trained")
    before = contents(tmp_path)
    with pytest.raises(Claimed, match=rf"fold-0: is being trained by `.*` \(process {other.process} on .*, since 20"):
        train(run, *datasets, "cpu")
    assert contents(tmp_path) == before
    other.kill()
    train(run, *datasets, "cpu")
    assert complete(run)
    whole = trained(tmp_path / "undisturbed", scenes, folds, {"average_best": 2})
    assert run.best.read_bytes() == whole.best.read_bytes()
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_the_command_names_the_trainer_before_it_reads_anything(tmp_path, scenes, folds):
    recipe, heard = with_settings(TINY, {"epochs": 1}), Heard()
    other = Holding(plan(tmp_path, folds, recipe).folder, "is being trained")
    with pytest.raises(Claimed, match=f"is being trained by .*process {other.process} "):
        train_members(recipe, scenes, Store(tmp_path), folds=folds, fold="0", device="cpu", jobs=1, listener=heard)
    assert heard.infos == []
    other.end()
    (done,) = train_members(recipe, scenes, Store(tmp_path), folds=folds, fold="0", device="cpu", jobs=1)
    assert not done.reused


def test_one_search_is_made_by_one_process_at_a_time(tmp_path, scenes, folds):
    given = {"fold": "0", "trials": 1, "epochs": 1, "device": "cpu", "jobs": 1}
    member = tmp_path / "mine.toml"
    member.write_text(MINE)
    first = tune(str(member), scenes, Store(tmp_path / "runs"), **given)
    other = Holding(first.tuning.path, "is being searched")
    with pytest.raises(Claimed, match=rf"sqlite: is being searched by .*process {other.process} "):
        tune(str(member), scenes, Store(tmp_path / "runs"), **given)
    other.kill()
    assert len(tune(str(member), scenes, Store(tmp_path / "runs"), **given).tuning.finished) == 1


def test_a_run_that_another_process_trained_since_it_was_planned_is_not_trained_again(
    tmp_path, scenes, folds, monkeypatch
):
    recipe, heard = with_settings(TINY, {"epochs": 1}), Heard()
    planned = workflow.plan_training

    def overtaken(*arguments, **options):
        found = planned(*arguments, **options)
        trained(tmp_path, scenes, folds, {"epochs": 1})
        return found

    monkeypatch.setattr(workflow, "plan_training", overtaken)
    (done,) = train_members(
        recipe, scenes, Store(tmp_path), folds=folds, fold="0", device="cpu", jobs=1, listener=heard
    )
    assert done.predictions
    assert not [words for words in heard.infos if "trains on" in words]
