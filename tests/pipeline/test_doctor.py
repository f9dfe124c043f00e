"""What `cli doctor` finds: nothing in a sound folder, and each thing that is wrong with the command that mends it."""

import json
import shutil

import pytest

from cli.app import run
from pipeline import doctor
from pipeline.doctor import FAULT, OK, WARNING, diagnose
from tests.ensemble.runs import fake_runs
from tests.golden.test_runs import KEPT as GOLDEN
from zoo.data import Assignment, Folds, write_folds
from zoo.runs import Store
from zoo.runtime.memory import Memory


@pytest.fixture
def made(tmp_path):
    return fake_runs(tmp_path, records=6, noise=(1.0,))


def found(made, area, **options):
    diagnosis = diagnose(Store(made.runs), [made.data], **options)
    return [finding for finding in diagnosis.findings if finding.area.startswith(area)]


def test_a_sound_folder_has_no_fault(made, capsys):
    words = ["--data", str(made.data), "--runs", str(made.runs)]
    assert found(made, "runs")[-1].level == OK
    (data,) = found(made, "data")
    assert (data.level, str(data.do)) == (WARNING, "cli data check")
    assert run(["doctor", *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["faults"] == 0
    assert document["versions"]["numpy"]
    assert {finding["level"] for finding in document["findings"]} <= {OK, WARNING}


def test_a_check_of_the_data_is_remembered_until_its_records_change(made, capsys):
    words = ["--data", str(made.data), "--runs", str(made.runs)]
    run(["data", "check", *words])
    capsys.readouterr()
    (data,) = found(made, "data")
    assert data.level in (OK, FAULT)
    assert "not checked" not in data.what
    next(iter((made.data / "train").iterdir())).rename(made.data / "train" / "999")
    assert "other ones than at the check" in found(made, "data")[0].what


def spoil_folds(made):
    path = made.runs / "folds.csv"
    path.write_text(path.read_text().replace(",0,", ",1,", 1))


def spoil_manifest(made):
    next(made.runs.glob("predictions/*/*/oof/*/*/manifest.json")).write_text("{")


WRONG = {"an edited folds.csv": (spoil_folds, "folds.csv"), "a torn manifest": (spoil_manifest, "manifest.json")}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_torn_file_is_a_fault_and_exit_code_1(wrong, made, capsys):
    spoil, named = WRONG[wrong]
    spoil(made)
    assert any(each.level == FAULT and named in each.what for each in found(made, "runs"))
    assert run(["doctor", "--data", str(made.data), "--runs", str(made.runs)]) == 1
    told = capsys.readouterr()
    assert named in "".join(told.out.split())  # paths are folded
    assert "fault" in told.err


def test_a_set_without_its_manifest_is_said_to_be_unfinished(made):
    next(made.runs.glob("predictions/*/*/oof/*/*/manifest.json")).unlink()
    (warning,) = [each for each in found(made, "runs") if each.level == WARNING]
    assert "unfinished" in warning.what


def test_a_full_disk_and_a_missing_extra_are_said(made, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1e8}))
    monkeypatch.setattr(doctor, "missing_packages", lambda extra: ["torch"] if extra == "zoo" else [])
    assert found(made, "disk")[0].level == FAULT
    (extra,) = found(made, "extra zoo")
    assert extra.level == WARNING
    assert "pip install" in str(extra.do)


def lose_weights(made, monkeypatch):
    shutil.copytree(GOLDEN, made.runs, dirs_exist_ok=True)
    for path in made.runs.glob("members/*/*/fold-0*/best.safetensors"):
        path.unlink()


def fill_the_machine(made, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1e8}))
    monkeypatch.setattr(doctor, "memory", lambda: Memory(100_000_000, 8_000_000_000))
    monkeypatch.setattr(doctor, "missing_packages", lambda extra: ["torch"] if extra == "zoo" else [])
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)


def rename_a_record(made, monkeypatch):
    next(iter((made.data / "train").iterdir())).rename(made.data / "train" / "999")


def predict_halfway(made, monkeypatch):
    next(made.runs.glob("predictions/*/*/oof/*/*/manifest.json")).unlink()


def split_otherwise(made, monkeypatch):
    ids = made.folds.fold_of
    write_folds(made.runs / "folds.csv", Folds(tuple(Assignment(each, number % 2) for number, each in enumerate(ids))))


def name_no_data(made, monkeypatch):
    shutil.rmtree(made.data)


def name_a_file_as_runs(made, monkeypatch):
    shutil.rmtree(made.runs)
    made.runs.write_text("")


SPOILED = {
    lose_weights: ("its weights are gone", "cli zoo train"),
    fill_the_machine: ("cannot be written", "chmod u+w"),
    rename_a_record: ("1 of the 6 records of folds.csv are not in the data", "cli doctor --data"),
    predict_halfway: ("unfinished", "cli zoo train m0@abc123 --fold all"),
    split_otherwise: ("out-of-fold predictions were made on another folds.csv", "cli data folds --folds 3"),
    name_no_data: ("no such data directory", "cli data synth scenes"),
    name_a_file_as_runs: ("is no folder", "cli doctor --runs DIR"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_whatever_is_wrong_names_what_mends_it(made, monkeypatch, spoil):
    spoil(made, monkeypatch)
    what, mends = SPOILED[spoil]
    findings = diagnose(Store(made.runs), [made.data], ["nobody"], device="cuda:7").findings
    wrong = [finding for finding in findings if finding.level != OK]
    assert any(what in finding.what and str(finding.do).startswith(mends) for finding in wrong)
    assert all(finding.do for finding in wrong)


def test_weights_of_each_member_are_looked_for(made, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text('base = "lite0-fc-t5"\nweights = "nowhere"\n')
    here, gone, unknown = found(made, "weights", members=["lite0-fc-t5", str(file), "nobody"])
    assert (here.level, gone.level, unknown.level) == (OK, FAULT, FAULT)
    assert "zoo weights" in str(gone.do)
