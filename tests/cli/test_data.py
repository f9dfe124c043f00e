"""`cli data`, from the command line."""

import json

import numpy as np
import pytest

from cli.app import run
from tests.scenes import linked_copy, own, write_metadata, write_record
from zoo.data import read_folds


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for index in range(6):
        write_record(folder, "train", str(index), frames=(5,), mask=100 * index)
    write_metadata(folder, "train", {str(index): (0, 0, 1000 * index) for index in range(6)})
    return folder


@pytest.fixture
def data(scenes, tmp_path):
    return linked_copy(scenes, tmp_path / "data")


def _run(*words):
    return run(["data", *map(str, words)])


def test_clean_data_pass_the_check(data, capsys):
    assert _run("check", "--data", data) == 0
    out, err = capsys.readouterr()
    assert "6 records, 24 files, 126 absent frames, no faults" in out
    assert f"next: cli data folds --data {data}" in err


def test_a_fault_is_a_line_and_exit_code_1(data, capsys):
    path = data / "train" / "3" / "band_14.npy"
    own(path).write_bytes(path.read_bytes()[:-1])
    assert _run("check", "--data", data) == 1
    out, err = capsys.readouterr()
    assert (
        f"record 3: {path}: is truncated, 2097279 of 2097280 bytes; fetch or write this file again" in out.splitlines()
    )
    assert err.splitlines() == ["error: 1 fault in 1 record; see the list for what to do"]


def test_check_speaks_json(data, capsys):
    (data / "train" / "3" / "band_14.npy").unlink()
    assert _run("check", "--data", data, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["records"], document["files"]) == (6, 23)
    assert [fault["record"] for fault in document["faults"]] == ["3"]


def test_stats_are_tables(data, capsys):
    assert _run("stats", "--data", data) == 0
    out = capsys.readouterr().out
    for words in ("data train", "83.33%", "T15-T14 in contrails", "band 11", "ash blue"):
        assert words in out


def test_stats_speak_json(data, capsys):
    assert _run("stats", "--data", data, "--json") == 0
    train, whole = json.loads(capsys.readouterr().out)["summaries"]
    assert train["quantities"] == whole["quantities"]
    assert whole["contrail_pixels"] == {"total": 1500, "min": 100, "max": 500}


def test_folds_are_written_and_shown(data, tmp_path, capsys):
    assert _run("folds", "--folds", 3, "--data", data, "--runs", tmp_path / "runs") == 0
    out, err = capsys.readouterr()
    assert "Folds of 6 labelled records" in out
    assert "6 records by place and time, 0 by the look of their frames" in out
    assert f"next: cli zoo train --fold all --data {data} --runs {tmp_path / 'runs'}" in err
    assert read_folds(tmp_path / "runs" / "folds.csv").count == 3


def test_a_record_whose_scene_group_is_unknown_is_named_and_counted(tmp_path, capsys):
    for name in "1234":
        write_record(tmp_path / "data", "train", name)
    write_record(tmp_path / "data", "train", "5", bands=())
    arguments = ("folds", "--folds", 2, "--data", tmp_path / "data", "--runs", tmp_path / "runs")
    assert _run(*arguments) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "0 records by place and time, 4 by the look of their frames" in out
    assert "unknown scene group: 1 record (5): neither place and time nor a band in common with the others" in out
    assert _run(*arguments, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["by_look"], document["ungrouped"]) == (4, ["5"])


def test_folds_speak_json(data, tmp_path, capsys):
    assert _run("folds", "--folds", 2, "--data", data, "--out", tmp_path / "a.csv", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["sha256"] == read_folds(tmp_path / "a.csv").sha256
    assert sum(fold["contrail_pixels"] for fold in document["folds"]) == 1500


def test_scene_groups_of_several_records_are_named(data, tmp_path, capsys):
    own(data / "train_metadata.json")
    write_metadata(data, "train", {str(index): (0, 0, 1000 * (index // 2)) for index in range(6)})
    assert _run("folds", "--folds", 3, "--data", data, "--out", tmp_path / "a.csv") == 0
    assert "one scene, kept in one fold: 2, 3" in capsys.readouterr().out


def test_other_folds_are_not_overwritten_without_force(data, tmp_path, capsys):
    out = tmp_path / "a.csv"
    arguments = ("folds", "--data", data, "--out", out)
    assert _run(*arguments, "--folds", 3) == 0
    before = out.read_bytes()
    assert _run(*arguments, "--folds", 3) == 0
    assert _run(*arguments, "--folds", 2) == 1
    assert f"error: {out}: holds other folds, and what was trained on them" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert _run(*arguments, "--folds", 2, "--force") == 0
    assert read_folds(out).count == 2
    (kept,) = tmp_path.glob("a-*.csv")
    assert kept.read_bytes() == before
    assert f"the old split is kept as {kept};" in capsys.readouterr().err


def test_a_foreign_file_is_not_overwritten(data, tmp_path, capsys):
    out = tmp_path / "precious.csv"
    out.write_text("all my notes")
    assert _run("folds", "--data", data, "--out", out, "--folds", 2) == 1
    assert "exists, and cannot be read as folds" in capsys.readouterr().err
    assert out.read_text() == "all my notes"


def test_absent_data_are_named(tmp_path, capsys):
    for command in ("check", "stats", "folds"):
        assert _run(command, "--data", tmp_path / "absent") == 1
        assert "absent: no such data directory" in capsys.readouterr().err


def test_without_data_the_call_is_at_fault(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _run("check") == 2
    assert "contrails.toml is not in this folder or above; give --data DIR" in capsys.readouterr().err


def test_synthetic_scenes_are_clean(tmp_path, capsys):
    folder = tmp_path / "synth"
    assert _run("synth", folder, "--train", 1, "--validation", 1, "--test", 1, "--seed", 3, "--jobs", 1) == 0
    assert "1 train, 1 validation, 1 test records" in capsys.readouterr().out
    assert _run("check", "--data", folder) == 0


def test_records_without_masks_are_to_be_submitted(tmp_path, capsys):
    folder = tmp_path / "synth"
    assert _run("synth", folder, "--train", 0, "--validation", 0, "--test", 1, "--jobs", 1) == 0
    assert _run("check", "--data", folder) == 0
    assert "next: cli submit --out submission.csv" in capsys.readouterr().err


def test_a_folder_with_files_is_not_written_into(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("")
    assert _run("synth", tmp_path, "--train", 1) == 1
    assert "holds other files (notes.txt first); choose another folder" in capsys.readouterr().err
    assert _run("synth", tmp_path / "notes.txt", "--train", 1) == 1
    assert "is not a writable folder" in capsys.readouterr().err


def test_no_records_at_all_is_a_wrong_call(tmp_path, capsys):
    assert _run("synth", tmp_path / "s", "--train", 0, "--validation", 0, "--test", 0) == 2
    assert "no records requested" in capsys.readouterr().err


def test_faults_of_the_same_kind_are_counted(tmp_path, capsys):
    for number in range(5):
        folder = write_record(tmp_path / "data", "train", str(100 + number))
        band = np.load(folder / "band_11.npy")
        np.save(folder / "band_11.npy", band - np.float32(273.15))
    assert _run("check", "--data", tmp_path / "data", "--runs", tmp_path / "runs") == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum("(degrees Celsius? add 273.15)" in line for line in lines) == 3
    assert "... and 2 files like these; --json lists all" in lines


def test_folds_say_what_the_validation_records_add_in_several_sources_too(data, tmp_path, capsys):
    write_record(tmp_path / "more", "validation", "900", mask=10)
    write_record(tmp_path / "more", "train", "901", mask=10)
    assert _run("folds", "--folds", 2, "--data", data, "--data", tmp_path / "more", "--out", tmp_path / "a.csv") == 0
    assert "--with-val adds the" in " ".join(capsys.readouterr().out.split())
