"""The scenes and the split that the tests of training share; read only."""

import pytest

from tests.zoo.training.cases import two_folds, write_scenes


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="session")
def folds(scenes):
    return two_folds(scenes)
