"""Artefacts of a runs folder: a change is found by `zoo verify`, and signed by `cli sign` if it makes sense."""

import json
import shutil
from pathlib import Path

import pytest

from cli.app import run
from core.errors import UsageError, UserError
from core.files import read_json, write_text
from core.signing import signed_line
from ensemble import Ensemble
from pipeline.artefacts import sign
from pipeline.verify import verify
from tests.golden.test_runs import KEPT
from tests.tiny_runs import tiny_runs
from zoo.runs import Store
from zoo.runtime.checkpoints import save_state


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One run, complete but for a state that is left, and an ensemble."""
    folder = tmp_path_factory.mktemp("artefacts")
    runs = tiny_runs(folder, records=1, members=["tiny-resnet"]).runs
    (place,) = runs.glob("members/*/*/fold-0")
    write_text(place / "epochs.jsonl", "".join(signed_line({"epoch": n, "loss": 0.5, "lr": 0.1}) for n in (1, 2)))
    save_state(place / "last.pt", {"epochs": [], "part": {}})
    return runs


@pytest.fixture
def runs(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "runs"))


def test_a_whole_folder_has_no_fault_and_its_unknown_files_are_named(runs):
    (runs / "notes.txt").write_text("mine")
    found = verify(Store(runs))
    assert (found.faults, found.unknown) == ((), (runs / "notes.txt",))
    found.raise_if_faulty()


def test_files_of_an_older_release_are_named_and_are_no_fault():
    found = verify(Store(KEPT))
    names = {path.name for path in found.unsigned}
    assert {"result.json", "recipe.toml", "epochs.jsonl", "leaderboard.json", "scaling.json"} <= names
    assert found.faults == (str(refused(KEPT / "ensembles/share/ensemble.json")),)


def refused(path):
    with pytest.raises(UserError) as error:
        Ensemble.load(path)
    return error.value


KINDS = ["ensemble.json", "result.json", "recipe.toml", "epochs.jsonl", "last.pt", "best.safetensors"]


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_file_is_a_fault(runs, name):
    path = next(runs.rglob(name))
    torn = bytearray(path.read_bytes())
    at = len(torn) // 3
    torn[at] ^= 1
    path.write_bytes(torn)
    faults = verify(Store(runs)).faults
    assert any(fault.startswith(str(path)) for fault in faults)
    with pytest.raises(UserError, match=r"^\d faults?; make the named files again"):
        verify(Store(runs)).raise_if_faulty()


def test_an_edited_ensemble_is_signed_and_then_read(runs, capsys):
    path = Store(runs).ensemble("default")
    path.write_text(path.read_text().replace('"k": 3', '"k": 4'))
    with pytest.raises(UserError, match="if on purpose, sign it again; run: cli sign"):
        Ensemble.load(path)
    assert run(["sign", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: signed\n"
    signed = Ensemble.load(path)
    assert (signed.k, signed.edited) == (4, True)
    assert run(["sign", str(path)]) == 0  # again, and it is still known as edited
    assert Ensemble.load(path).edited


def test_a_level_and_its_probability_are_edited_together(runs, capsys):
    path = Store(runs).ensemble("default")
    document = json.loads(path.read_text())
    document["threshold"]["probability"] = 0.9
    path.write_text(json.dumps(document))
    assert run(["sign", str(path)]) == 1
    assert "and the file says 0.900000: give both" in capsys.readouterr().err


def test_what_makes_no_sense_is_not_signed(runs):
    path = Store(runs).ensemble("default")
    text = json.dumps(read_json(path) | {"members": []})
    path.write_text(text)
    with pytest.raises(UserError, match=r"ensemble.json: .*weights do not add up to 65536.*; it is not signed"):
        sign(path)
    assert path.read_text() == text
    path.write_text("{")
    with pytest.raises(UserError, match="cannot be signed: it does not parse"):
        sign(path)


@pytest.mark.parametrize("name", ["manifest.json", "scaling.json", "best.safetensors", "notes.txt"])
def test_what_a_command_makes_again_is_not_signed_by_hand(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match="is not a file that can be signed; sign one of ensemble.json, result.json"):
        sign(tmp_path / name)


def test_a_file_that_is_absent_is_not_signed(tmp_path):
    with pytest.raises(UserError, match="nosuch.json: no such file"):
        sign(tmp_path / "nosuch.json")


@pytest.mark.parametrize("name", ["result.json", "recipe.toml", "epochs.jsonl"])
def test_files_of_an_older_release_are_signed_too(tmp_path, name):
    path = Path(shutil.copy(next(KEPT.glob(f"members/tiny/*/fold-0/{name}")), tmp_path))
    sign(path)
    once = path.read_bytes()
    sign(path)
    assert path.read_bytes() == once
    assert b"digest" in once
