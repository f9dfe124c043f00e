"""Training and prediction on a Dask cluster: what one process makes, whoever is killed meanwhile."""

import os
import signal
from dataclasses import replace

import pytest

import zoo.workflows.train
from core.errors import UserError
from tests.dask_cluster import dask_cluster
from tests.heard import Heard
from tests.zoo.training.cases import TINY, two_folds, write_scenes
from zoo.runs import Ref, Store
from zoo.workflows.predict import predict
from zoo.workflows.train import train

HEAVY = replace(TINY, name="heavy")  # kills every worker that begins to train it


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def scenes(folder):
    return write_scenes(folder / "scenes")


@pytest.fixture(scope="module")
def address(folder):
    """Cluster whose workers die after the first epoch of fold 0, once, and whenever a run is too heavy."""
    run_datasets, epoch_line = zoo.workflows.train.run_datasets, zoo.workflows.train.epoch_line

    def datasets(run, *rest):
        if run.member == HEAVY.name:
            os.kill(os.getpid(), signal.SIGKILL)
        return run_datasets(run, *rest)

    def line(run, epoch):
        if run.fold == "0" and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return epoch_line(run, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.workflows.train.run_datasets", datasets)
        patch.setattr("zoo.workflows.train.epoch_line", line)
        with dask_cluster() as address:
            patch.undo()
            yield address


def contents(store):
    kept = (path for path in store.rglob("*") if path.suffix in (".safetensors", ".zst"))
    return {str(path.relative_to(store)): path.read_bytes() for path in kept}


def test_a_training_on_a_cluster_ends_as_one_in_one_process(address, folder, scenes, tmp_path):
    given = {"folds": two_folds(scenes), "device": "cpu", "jobs": 1, "epochs": 3}
    heard = Heard()
    trained = train(TINY, scenes, Store(tmp_path / "cluster"), **given, on=address, listener=heard)
    assert (folder / "killed").exists()
    assert "lite0-fc-t5 fold 0: resumes from epoch 2/3" in heard.infos
    whole = train(TINY, scenes, Store(tmp_path / "whole"), **given)
    assert [each.dice for each in trained] == [each.dice for each in whole]
    assert contents(tmp_path / "cluster") == contents(tmp_path / "whole")

    def predicted(store, **how):
        return predict([Ref(TINY.name)], scenes, store, tta="hflip", device="cpu", jobs=1, **how)

    assert len(predicted(Store(tmp_path / "cluster"), on=address)) == 2
    predicted(Store(tmp_path / "whole"))
    assert contents(tmp_path / "cluster") == contents(tmp_path / "whole")
    heard = Heard()
    train(TINY, scenes, Store(tmp_path / "cluster"), **given, on="tcp://127.0.0.1:9", listener=heard)
    assert heard.infos == [f"lite0-fc-t5 fold {fold}: is trained already, reused" for fold in "01"]


def test_a_run_that_kills_its_workers_is_named_and_the_others_are_trained(address, scenes, tmp_path):
    given = {"folds": two_folds(scenes), "fold": "1", "device": "cpu", "jobs": 1, "epochs": 1}
    with pytest.raises(UserError, match=r"^heavy fold 1: 2 workers died with it"):
        train([HEAVY, TINY], scenes, Store(tmp_path), **given, on=address)
    assert train(TINY, scenes, Store(tmp_path), **given)[0].reused
