"""`cli zoo verify` and `cli zoo import`, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from tests.zoo.predictions.cases import ids, map_of, write_set


@pytest.fixture
def runs(tmp_path) -> Path:
    write_set(tmp_path / "runs", ids(3))
    (tmp_path / "runs/folds.csv").write_text("record_id,fold\na,0\nb,1\n")
    return tmp_path / "runs"


def test_whole_predictions_pass(runs, capsys):
    assert run(["zoo", "verify", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    assert "1 prediction set, 3 maps in 1 shard" in out
    assert "1 prediction sets are of another folds.csv: they do not count" in out


def test_a_fault_is_a_line_and_exit_code_1(runs, capsys):
    (shard,) = runs.rglob("*.zst")
    shard.write_bytes(shard.read_bytes() + b"\0")
    assert run(["zoo", "verify", "--runs", str(runs)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith(str(shard))
    assert err.startswith("error: 1 fault;")


def test_json_holds_the_faults(runs, capsys):
    next(runs.rglob("*.zst")).unlink()
    assert run(["zoo", "verify", "--runs", str(runs), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["sets"], document["records"], len(document["faults"])) == (1, 3, 1)


def test_an_absent_runs_folder_is_named(tmp_path, capsys):
    assert run(["zoo", "verify", "--runs", str(tmp_path / "absent")]) == 2
    assert "absent: there is no such folder" in capsys.readouterr().err


@pytest.fixture
def foreign(tmp_path) -> list[str]:
    """The arguments that import two folds of two records."""
    (tmp_path / "oof").mkdir()
    for record_id in ids(4):
        np.save(tmp_path / "oof" / f"{record_id}.npy", map_of(record_id))
    (tmp_path / "mine.csv").write_text(
        "record_id,fold\n" + "".join(f"{name},{k % 2}\n" for k, name in enumerate(ids(5)))
    )
    given = {"--oof": "oof", "--folds": "mine.csv", "--runs": "runs"}
    return [word for key, name in given.items() for word in (key, str(tmp_path / name))]


def test_an_import_is_verified_and_says_what_is_next(foreign, tmp_path, capsys):
    assert run(["zoo", "import", "ext0", *foreign]) == 0
    out, err = capsys.readouterr()
    assert "4 records out of fold (fold 0: 2, fold 1: 2)" in out
    assert f"no map for 1 record of folds.csv, {ids(5)[4]} first" in err
    assert "next: cli ensemble fit" in err
    assert run(["zoo", "verify", "--runs", str(tmp_path / "runs")]) == 0


def test_an_import_as_json(foreign, capsys):
    assert run(["zoo", "import", "ext0", *foreign, "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["folds"], document["test"]) == ("ext0", {"0": 2, "1": 2}, 0)


def test_the_name_of_a_member_of_the_zoo_is_refused(foreign, capsys):
    assert run(["zoo", "import", "lite0-fc-t5", *foreign]) == 2
    assert 'error: "lite0-fc-t5" is a member of the zoo' in capsys.readouterr().err


def test_what_a_killed_command_left_is_named(runs, capsys):
    (manifest,) = runs.rglob("manifest.json")
    half = manifest.with_name(".manifest.json.abcd1234.tmp")
    half.write_text("{")
    assert run(["zoo", "verify", "--json", "--runs", str(runs)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["left"], document["unknown"]) == ([str(half)], [])
