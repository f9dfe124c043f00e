"""Runs that can predict, made once, and a way to submit from a runs folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ensemble import Ensemble
from pipeline.submission import Submitted, submit
from tests.tiny_runs import Tiny, tiny_runs
from zoo.data import open_scenes
from zoo.runs import Store


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return tiny_runs(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def runs(tiny: Tiny, tmp_path: Path) -> Path:
    """A runs folder without predictions whose runs may be changed."""
    return shutil.copytree(tiny.runs, tmp_path / "runs")


Submit = Callable[..., Submitted]


@pytest.fixture(scope="session")
def submit_from(tiny: Tiny) -> Submit:
    """Submit the test records of the tiny data from a runs folder."""

    def submit_it(runs: Path, out: Path, **given: object) -> Submitted:
        ensemble = Ensemble.load(Store(runs).ensemble("default"))
        return submit(Store(runs), ensemble, out, open_scenes([tiny.data]), **{"jobs": 1, **given})

    return submit_it


@pytest.fixture(scope="session")
def undisturbed(tiny: Tiny, submit_from: Submit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a run that nobody killed; beside it its runs folder, and the same masks as png."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(tiny.runs, folder / "runs")
    submit_from(folder / "runs", folder / "csv")
    submit_from(folder / "runs", folder / "png", form="png")
    return folder / "csv"
