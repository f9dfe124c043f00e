"""The bundle alone, unpacked in an empty folder, makes the bytes that were made here; the client gets the file."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.errors import UserError
from core.files import read_json
from ensemble import Ensemble
from pipeline.bundle import Bundle, bundle
from submissions import read_ledger
from tests.pipeline.conftest import Submit
from tests.submissions.test_kaggle import client
from tests.tiny_runs import Tiny
from zoo.runs import Store


@pytest.fixture(scope="module")
def made(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    runs = shutil.copytree(tiny.runs, folder / "runs")
    for each in runs.glob("members/*/*/fold-*"):
        (each / "last.pt").write_bytes(b"only to go on training")
        (each / "kaggle.json").write_text("a stray file")
    return bundle(Store(runs), Ensemble.load(Store(runs).ensemble("default")), folder / "contrail-bundle.zip")


@pytest.fixture(scope="module")
def unpacked(made: Bundle) -> Path:
    folder = made.path.parent / "input"
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(folder)
    return folder


def test_the_bundle_in_an_empty_folder_makes_the_same_bytes(
    tiny: Tiny, undisturbed: Path, unpacked: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    given = {"BUNDLE": str(unpacked), "DATA": str(tiny.data), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(unpacked / "notebook.py")]
    done = subprocess.run(command, cwd=tmp_path / "there", env=kept | given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "submission.csv").read_bytes() == undisturbed.read_bytes()
    # Python writes its byte code where it found the code: the bundle's own suite and timm were used.
    for module in ("cli/commands/submit.py", "zoo/inference.py", "timm/__init__.py"):
        place = tmp_path / "there" / "suite" / module
        assert list((place.parent / "__pycache__").glob(f"{place.stem}.*.pyc")), module


def test_the_bundle_holds_what_predicts_and_nothing_that_trains(unpacked: Path) -> None:
    names = {path.name for path in unpacked.rglob("*") if path.is_file()}
    assert {"notebook.py", "bundle.json", "ensemble.json", "best.safetensors", "recipe.toml", "result.json"} <= names
    assert not {"last.pt", "epochs.jsonl", "folds.csv", "kaggle.json"} & names
    wheels = sorted(path.name.partition("-")[0] for path in unpacked.glob("*.whl"))
    assert wheels == ["click", "contrail_ensemble", "segmentation_models_pytorch", "timm", "ttach"]
    assert len((unpacked / "notebook.py").read_text().splitlines()) == 3
    assert read_json(unpacked / "bundle.json")["made_with"]["torch"]


def test_pip_takes_the_wheels(unpacked: Path, tmp_path: Path) -> None:
    wheels = [str(path) for path in unpacked.glob("*.whl")]
    options = ["--no-index", "--no-deps", "--no-compile", "--quiet", "--target", str(tmp_path)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *options, *wheels], check=True)
    assert (tmp_path / "timm" / "__init__.py").is_file() and (tmp_path / "zoo" / "members").is_dir()
    assert all(
        (tmp_path / room / "py.typed").is_file()
        for room in ("core", "zoo", "ensemble", "submissions", "analysis", "pipeline", "cli")
    )


def test_size_and_time_are_reported(made: Bundle) -> None:
    document = made.as_dict()
    assert document["bytes"] == made.path.stat().st_size
    assert document["seconds_per_record"] == 1.0  # two members, half a second each
    assert document["hours"] == pytest.approx(1860 / 3600) and document["limit_hours"] == 9
    assert document["warnings"] == []


def test_a_member_without_weights_cannot_go_along(tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny.runs / "ensembles", tmp_path / "ensembles")
    with pytest.raises(UserError, match="tiny-resnet: has no trained run"):
        bundle(Store(tmp_path), Ensemble.load(Store(tmp_path).ensemble("default")), tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_a_missing_client_is_refused_before_anything_starts(
    tiny: Tiny, submit_from: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="kaggle client is not installed"):
        submit_from(tiny.runs, tmp_path / "s.csv", to_kaggle=True)
    assert not (tmp_path / "s.csv").exists() and not (tiny.runs / "predictions").exists()


def test_the_checked_file_is_sent(
    submit_from: Submit, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(tmp_path / "bin", f'printf "%s\\n" "$@" > {tmp_path}/seen; echo "Successfully submitted"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", "none")
    runs = shutil.copytree(undisturbed.with_name("runs"), tmp_path / "runs")
    document = submit_from(runs, tmp_path / "s.csv", to_kaggle=True).as_dict()
    assert document["sent"] == "Successfully submitted"
    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen[5] == str(tmp_path / "s.csv")
    assert seen[7] == f"default, {document['sha256'][:12]}, local Dice 0.6000"
    assert read_ledger(Store(runs).ledger).find(document["sha256"][:12]).sent.local == 0.6
