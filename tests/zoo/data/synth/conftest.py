"""One small set of synthetic scenes for all tests here: read only."""

from pathlib import Path

import pytest

from zoo.data.synth import make_scenes

COUNTS = {"train": 16, "validation": 6, "test": 2}


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("synth")
    make_scenes(place, **COUNTS, seed=3)
    return place
