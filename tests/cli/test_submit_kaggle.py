"""The bundle alone, unpacked in an empty folder, makes the bytes that were made here; the client gets the file."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cli.app import run
from core.files import read_json
from submissions.ledger import ledger_path, read_ledger
from tests.cli.tiny_runs import Tiny, tiny_runs
from tests.submissions.test_kaggle import client


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    made = tiny_runs(tmp_path_factory.mktemp("tiny"))
    for folder in made.runs.glob("members/*/*/fold-*"):
        (folder / "last.pt").write_bytes(b"only to go on training")
    return made


def call(tiny: Tiny, out: Path, *more: str) -> list[str]:
    given = ["submit", "--out", out, "--data", tiny.data, "--runs", tiny.runs, "--jobs", 1, *more]
    return [*map(str, given)]


@pytest.fixture(scope="module")
def bundle(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "contrail-bundle.zip"
    assert run(call(tiny, out, "--kaggle", "-q")) == 0
    return out


@pytest.fixture(scope="module")
def unpacked(bundle: Path) -> Path:
    folder = bundle.parent / "input"
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


def test_the_bundle_in_an_empty_folder_makes_the_same_bytes(tiny: Tiny, unpacked: Path, tmp_path: Path) -> None:
    assert run(call(tiny, tmp_path / "here.csv")) == 0
    (tmp_path / "there").mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    # Compiling afresh takes longer than three masks do uncompiled.
    given = {"BUNDLE": str(unpacked), "DATA": str(tiny.data), "OMP_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, str(unpacked / "notebook.py")]
    done = subprocess.run(command, cwd=tmp_path / "there", env=kept | given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "submission.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    # Python writes its byte code where it found the code: the bundle's own suite and timm were used.
    for module in ("cli/commands/submit.py", "zoo/predict.py", "timm/__init__.py"):
        place = tmp_path / "there" / "suite" / module
        assert list((place.parent / "__pycache__").glob(f"{place.stem}.*.pyc")), module


def test_the_bundle_holds_what_predicts_and_nothing_that_trains(unpacked: Path) -> None:
    names = {path.name for path in unpacked.rglob("*") if path.is_file()}
    assert {"notebook.py", "bundle.json", "ensemble.json", "best.safetensors", "recipe.toml", "result.json"} <= names
    assert not {"last.pt", "epochs.jsonl", "folds.csv"} & names
    wheels = sorted(path.name.partition("-")[0] for path in unpacked.glob("*.whl"))
    assert wheels == ["click", "contrail_ensemble", "segmentation_models_pytorch", "timm", "ttach"]
    assert len((unpacked / "notebook.py").read_text().splitlines()) == 3
    assert read_json(unpacked / "bundle.json")["made_with"]["torch"]


def test_pip_takes_the_wheels(unpacked: Path, tmp_path: Path) -> None:
    wheels = [str(path) for path in unpacked.glob("*.whl")]
    options = ["--no-index", "--no-deps", "--quiet", "--disable-pip-version-check", "--target", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *wheels], check=True)
    assert (tmp_path / "timm" / "__init__.py").is_file() and (tmp_path / "zoo" / "members").is_dir()
    assert all((tmp_path / room / "py.typed").is_file() for room in ("core", "zoo", "ensemble", "submissions", "cli"))


def test_size_and_time_are_said(tiny: Tiny, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(call(tiny, bundle, "--kaggle", "--force", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["bytes"] == bundle.stat().st_size
    assert document["seconds_per_record"] == 1.0  # two members, half a second each
    assert document["hours"] == pytest.approx(1860 / 3600) and document["limit_hours"] == 9
    assert document["warnings"] == []


def test_a_member_without_weights_cannot_go_along(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(tiny.runs / "ensembles", runs / "ensembles")
    bare = Tiny(tiny.data, runs, tiny.ids)
    assert run(call(bare, tmp_path / "b.zip", "--kaggle")) == 1
    assert "tiny-resnet: has no trained run" in capsys.readouterr().err
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.parametrize("more", [("--split", "oof"), ("--format", "png"), ("--to", "kaggle")])
def test_a_bundle_of_something_else_is_refused(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, str]
) -> None:
    assert run(call(tiny, tmp_path / "b.zip", "--kaggle", *more)) == 2
    assert "--kaggle" in capsys.readouterr().err


def test_a_missing_client_is_said_before_anything_starts(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(call(tiny, tmp_path / "s.csv", "--to", "kaggle")) == 1
    assert "kaggle client is not installed" in capsys.readouterr().err
    assert not (tmp_path / "s.csv").exists()


def test_the_checked_file_is_handed_over(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client(tmp_path / "bin", f'printf "%s\\n" "$@" > {tmp_path}/seen; echo "Successfully submitted"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", "none")
    assert run(call(tiny, tmp_path / "s.csv", "--to", "kaggle", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["sent"] == "Successfully submitted"
    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen[5] == str(tmp_path / "s.csv")
    assert seen[7] == f"default, {document['sha256'][:12]}, local Dice 0.6000"
    assert read_ledger(ledger_path(tiny.runs)).find(document["sha256"][:12]).sent.local == 0.6
