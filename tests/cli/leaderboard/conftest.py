"""Fake runs that the tests of the leaderboard and of the list's scores share."""

import shutil
from dataclasses import replace

import pytest

from tests.ensemble.runs import fake_runs


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """m0 and m1 on all three folds, m2 on two."""
    return fake_runs(tmp_path_factory.mktemp("fake"), records=18, lacking=[("m2", 2)])


@pytest.fixture
def made(original, tmp_path):
    """A copy that can be changed."""
    shutil.copytree(original.runs.parent, tmp_path, dirs_exist_ok=True)
    return replace(original, runs=tmp_path / "runs", data=tmp_path / "data")
