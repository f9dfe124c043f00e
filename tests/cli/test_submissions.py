"""check, score and log as a user types them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from submissions import write_submission
from zoo.data import open_scenes

PAST = Path(__file__).parents[2] / "docs" / "past-scores.csv"
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Call the command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run(["submissions", *map(str, arguments)])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def files(real_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """near.csv of all labelled records, a row away from their labels; validation.csv two rows away; test.csv."""
    scenes, folder = open_scenes([real_scenes]), tmp_path_factory.mktemp("files")
    write_submission(folder / "near.csv", {each.id: np.roll(scenes.mask(each), 1, 0) for each in scenes.labelled})
    held = [record for record in scenes.labelled if record.split == "validation"]
    write_submission(folder / "validation.csv", {each.id: np.roll(scenes.mask(each), 2, 0) for each in held})
    write_submission(folder / "test.csv", {each.id: np.zeros((256, 256), bool) for each in scenes.test})
    return folder


def test_a_check_as_a_process(real_scenes: Path, files: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "submissions", "check", files / "test.csv", "--data", real_scenes]
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "well-formed: 2 rows" in done.stdout


def test_a_rejected_file_exits_with_one_and_is_told_as_json_too(cli: Cli, files: Path, tmp_path: Path) -> None:
    text = (files / "near.csv").read_text().splitlines()
    (tmp_path / "bad.csv").write_text("\n".join([*text[:3], text[3].split(",")[0] + ","]) + "\n")
    code, out, err = cli("check", "bad.csv", "--json")
    document = json.loads(out)
    assert code == 1 and "bad.csv: line 4" in err and err.count("error: ") == 1
    assert document["accepted"] is False
    assert document["faults"][0]["line"] == 4
    assert document["faults"][0]["todo"] == 'an empty mask is the single character "-"'


def test_a_fault_is_told_once(cli: Cli, tmp_path: Path) -> None:
    for rows, ends in (("7,nan\n", "error: bad.csv: line 2: 7: 'nan'"), ("7,nan\n8,nan\n", "for 2 faults; mend what")):
        (tmp_path / "bad.csv").write_text("record_id,encoded_pixels\n" + rows)
        code, out, err = cli("check", "bad.csv")
        assert code == 1
        assert (out + err).count("'nan' where a mask is expected") == 1
        assert ends in err


def test_a_score_is_a_line_a_difference_and_a_table(cli: Cli, real_scenes: Path, files: Path) -> None:
    call = ("score", files / "near.csv", "--against", files / "validation.csv", "--data", real_scenes)
    code, out, err = cli(*call, "--worst", 1)
    assert code == 0 and "lacks 18 of 37" in err
    assert "on 37 records" in out and "19 shared records: significant; only " in out and "1000603527582775543" in out
    document = json.loads(cli(*call, "--json")[1])
    assert {"dice", "interval", "groups", "effective_groups", "records", "counts"} <= set(document)
    assert {"missing", "worst", "warnings", "against"} <= set(document)
    assert len(document["worst"]) == 5
    assert "wrong" not in cli(*call, "--worst", 0)[1]


def test_labels_without_contrails_have_no_dice(cli: Cli, real_scenes: Path, files: Path) -> None:
    code, out, err = cli("score", files / "test.csv", "--data", real_scenes)
    assert code == 0 and out.startswith("no Dice on 2 records")
    assert "warning: the labels hold no contrail pixel" in err


def test_scene_groups_come_from_the_folds(cli: Cli, real_scenes: Path, files: Path, tmp_path: Path) -> None:
    call = ("score", files / "near.csv", "--data", real_scenes, "--json")
    alone = json.loads(cli(*call)[1])
    (tmp_path / "runs").mkdir()
    rows = [f"{each.id},{i % 2},{'ab'[i % 2]}" for i, each in enumerate(open_scenes([real_scenes]).labelled)]
    (tmp_path / "runs" / "folds.csv").write_text("\n".join(["record_id,fold,group", *rows]) + "\n")
    grouped = json.loads(cli(*call)[1])
    assert grouped["dice"] == alone["dice"] and grouped["interval"] != alone["interval"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("score", "near.csv"), 2, "--data"),
        (("score", "nowhere.csv", "--data", "REAL"), 1, "nowhere.csv: no such file"),
        (("check", "nowhere.csv"), 1, "nowhere.csv: no such file"),
        (("check", "."), 1, "is a directory"),
        (("check", "near.csv", "--data", "nowhere"), 1, "nowhere"),
        (("check", "near.csv", "--split", "trian"), 2, "trian"),
        (("log", "--public", "63.8"), 2, "0<=x<=1"),
        (("log", "--public", "0.6"), 1, "the ledger is empty; run: cli submit --out submission.csv"),
        (("log", "--entry", "1"), 2, "--public"),
        (("log", "--import", "nowhere.csv"), 1, "no such file"),
    ],
)
def test_a_bad_call_gives_one_line(
    cli: Cli, real_scenes: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, _, err = cli(*(real_scenes if each == "REAL" else each for each in arguments), "-q")
    assert found == code
    assert err.startswith("error: ") and err.count("\n") == 1 and words in err


def test_a_log_kept_by_hand_becomes_the_ledger(cli: Cli) -> None:
    code, out, err = cli("log", "--import", PAST)
    assert code == 0 and "10 new entries" in err
    assert "row 25" in out and "correlation 0.91" in out and "of ranks -0.11" in out


def test_scores_that_came_later_stand_beside_the_entry(cli: Cli) -> None:
    cli("log", "--import", PAST)
    code, _, err = cli("log", "--entry", "row 25", "--private", 0.641)
    assert code == 0 and "entry 9 (row 25)" in err
    document = json.loads(cli("log", "--json")[1])
    assert (document["entries"][8]["public"], document["entries"][8]["private"]) == (0.638, 0.641)
    assert document["correlation"]["public"]["entries"] == 10 and document["correlation"]["private"] is None


def test_a_torn_ledger_is_shown_with_a_warning(cli: Cli, tmp_path: Path) -> None:
    cli("log", "--import", PAST)
    path = tmp_path / "runs" / "submissions.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    code, out, err = cli("log")
    assert code == 0 and "warning: " in err and "line 10 is incomplete" in err and "row 24" in out


def test_an_empty_ledger_proposes_a_submission(cli: Cli) -> None:
    code, out, err = cli("log")
    assert (code, out) == (0, "the ledger is empty\n") and err == "next: cli submit --out submission.csv\n"
