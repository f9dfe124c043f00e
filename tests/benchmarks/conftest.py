"""A benchmark's main, and the scenes that it is run on."""

import importlib
import inspect
import json

import pytest

from tests.benchmarks.cases import LABELLED
from tests.golden.cases import write_scenes


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Six labelled records with the bands of the false colour."""
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", with_bands=LABELLED)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a benchmark's main with constants of its module made smaller; what it printed, and its --json."""

    def run_main(name, *arguments, **smaller):
        module = importlib.import_module(f"benchmarks.{name}")
        for constant, value in smaller.items():
            monkeypatch.setattr(module, constant, value)
        path = tmp_path / "figures.json"
        module.main([*map(str, arguments), *(["--json", str(path)] if "--json" in inspect.getsource(module) else [])])
        return capsys.readouterr().out, json.loads(path.read_text()) if path.exists() else {}

    return run_main
