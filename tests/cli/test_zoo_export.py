"""`cli zoo export`, as it is typed."""

import json
import sys

import pytest

from tests.zoo.training.cases import trained_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    trained_folder(folder, {"epochs": 1})
    return folder


@pytest.fixture
def typed(folder, typing_in):
    return typing_in(folder, "--data scenes --jobs 1")


def test_a_file_and_what_it_holds(typed, folder):
    command = "zoo export lite0-fc-t5 --fold 0 --format torchscript --out lite0.pt --records 1"
    code, said = typed(f"{command} --json")
    assert code == 0, said.err
    assert json.loads(said.out) == json.loads((folder / "lite0.pt.json").read_text())
    code, said = typed(command)
    assert code == 0
    assert said.err.endswith(", reused\n")
    code, said = typed(f"{command} --force")
    assert "lite0-fc-t5: 1 run to torchscript; this takes a minute or so" in said.err
    assert said.out.startswith("lite0.pt: lite0-fc-t5@")
    assert "on 1 record:" in said.out


def test_a_missing_library_is_named_with_its_extra(typed, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    code, said = typed("zoo export lite0-fc-t5 --fold 0 --format onnx --out m.onnx")
    assert code == 1
    assert "onnxscript is not installed; run: pip install" in said.err
