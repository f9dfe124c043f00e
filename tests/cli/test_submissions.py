"""check, score and log as a user types them, on the real scenes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from core.dice import count
from submissions import read_submission, write_submission
from zoo.data import Scenes, open_scenes

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


@pytest.fixture(scope="session")
def scenes(real_scenes: Path) -> Scenes:
    return open_scenes([real_scenes])


@pytest.fixture(scope="session")
def files(scenes: Scenes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """truth.csv of all labelled records, near.csv a row away, validation.csv two rows away, test.csv."""
    folder = tmp_path_factory.mktemp("files")
    truth = {record.id: scenes.mask(record) for record in scenes.labelled}
    write_submission(folder / "truth.csv", truth)
    write_submission(folder / "near.csv", {each: np.roll(mask, 1, 0) for each, mask in truth.items()})
    held = [record.id for record in scenes.labelled if record.split == "validation"]
    write_submission(folder / "validation.csv", {each: np.roll(truth[each], 2, 0) for each in held})
    write_submission(folder / "test.csv", {each.id: np.zeros((256, 256), bool) for each in scenes.test})
    return folder


def test_the_official_test_records_and_their_sample_file_are_accepted(cli: Cli, real_scenes: Path, files: Path) -> None:
    for file in (files / "test.csv", real_scenes / "sample_submission.csv"):
        code, out, err = cli("check", file, "--data", real_scenes)
        assert (code, err) == (0, "")
        assert "well-formed: 2 rows" in out


def test_a_file_of_other_records_is_rejected_unless_their_split_is_named(
    cli: Cli, real_scenes: Path, files: Path
) -> None:
    code, out, err = cli("check", files / "validation.csv", "--data", real_scenes)
    assert code == 1
    assert (
        "the id belongs to validation, which" in out
        and "--split" in out
        and err.startswith("error: ")
        and err.count("\n") == 1
    )
    assert cli("check", files / "validation.csv", "--data", real_scenes, "--split", "validation")[0] == 0
    assert cli("check", files / "near.csv", "--data", real_scenes, "--split", "labelled")[0] == 0


def test_without_test_records_all_labelled_ones_are_expected(
    cli: Cli, real_scenes: Path, files: Path, tmp_path: Path
) -> None:
    for split in ("train", "validation"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / split).symlink_to(real_scenes / split)
    assert cli("check", files / "near.csv", "--data", tmp_path / "data")[0] == 0
    assert cli("check", files / "test.csv", "--data", tmp_path / "data")[0] == 1
    code, _, err = cli("check", files / "test.csv", "--data", tmp_path / "data", "--split", "test")
    assert code == 1 and "holds no test records" in err


def test_without_data_the_form_is_checked_and_that_is_said(cli: Cli, files: Path) -> None:
    code, out, err = cli("check", files / "near.csv")
    assert code == 0 and "37 rows" in out and "not checked" in err


def test_a_rejected_file_is_told_as_json_too(cli: Cli, files: Path, tmp_path: Path) -> None:
    text = (files / "near.csv").read_text().splitlines()
    (tmp_path / "bad.csv").write_text("\n".join([*text[:3], text[3].split(",")[0] + ","]) + "\n")
    code, out, err = cli("check", "bad.csv", "--json")
    document = json.loads(out)
    assert code == 1 and "bad.csv: line 4" in err
    assert document["accepted"] is False
    assert document["faults"][0]["line"] == 4
    assert document["faults"][0]["todo"] == 'an empty mask is the single character "-"'


def test_a_stale_sample_is_said_to_set_no_order(cli: Cli, real_scenes: Path, files: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test").symlink_to(real_scenes / "test")
    (tmp_path / "data" / "sample_submission.csv").write_text("record_id,encoded_pixels\n7,-\n")
    code, _, err = cli("check", files / "test.csv", "--data", "data")
    assert code == 0 and "order does not count" in err


def test_the_score_is_counted_over_all_records(cli: Cli, real_scenes: Path, scenes: Scenes, files: Path) -> None:
    code, out, err = cli("score", files / "near.csv", "--data", real_scenes, "--json")
    document = json.loads(out)
    found = read_submission(files / "near.csv")
    masks = np.stack([found.mask(record.id) for record in scenes.labelled])
    tp, predicted, truth = map(int, count(masks, np.stack([scenes.mask(each) for each in scenes.labelled])).sum(axis=0))
    assert (code, err) == (0, "")
    assert document["dice"] == 2 * tp / (predicted + truth)
    assert document["counts"] == {"tp": tp, "predicted": predicted, "truth": truth}
    assert document["records"] == 37 and document["missing"] == 0
    low, high = document["interval"]
    assert low < document["dice"] < high


def test_the_labels_score_one(cli: Cli, real_scenes: Path, files: Path) -> None:
    assert json.loads(cli("score", files / "truth.csv", "--data", real_scenes, "--json")[1])["dice"] == 1


def test_labelled_records_that_a_file_lacks_are_counted_unless_a_split_demands_them(
    cli: Cli, real_scenes: Path, files: Path
) -> None:
    file, data = files / "validation.csv", ("--data", real_scenes)
    code, out, err = cli("score", file, *data)
    assert code == 0 and "on 19 records" in out and "lacks 18 of 37" in err
    assert cli("score", file, *data, "--split", "validation")[0] == 0
    code, _, err = cli("score", file, *data, "--split", "train")
    assert code == 1 and "17 more of --split missing" in err


def test_the_two_official_test_records_are_scored_with_a_warning(cli: Cli, real_scenes: Path, files: Path) -> None:
    code, out, err = cli("score", files / "test.csv", "--data", real_scenes)
    assert code == 0 and out.startswith("no Dice  on 2 records")
    assert "the labels hold no contrail pixel (2 records): an empty file is right" in err
    document = json.loads(cli("score", files / "test.csv", "--data", real_scenes, "--json")[1])
    assert document["dice"] == 1 and len(document["warnings"]) == 1


def test_a_split_is_scored_alone(cli: Cli, real_scenes: Path, files: Path) -> None:
    _, out, err = cli("score", files / "near.csv", "--data", real_scenes, "--split", "validation", "--json")
    assert json.loads(out)["records"] == 19 and "18 rows of other splits" in err


def test_a_record_without_a_label_is_an_error(cli: Cli, real_scenes: Path, files: Path, tmp_path: Path) -> None:
    text = (files / "near.csv").read_text()
    (tmp_path / "more.csv").write_text(text + "42,-\n")
    code, _, err = cli("score", "more.csv", "--data", real_scenes)
    assert code == 1 and "record 42 has no label" in err


def test_two_files_are_compared_in_pairs(cli: Cli, real_scenes: Path, files: Path) -> None:
    call = ("score", files / "near.csv", "--against", files / "validation.csv", "--data", real_scenes)
    against = json.loads(cli(*call, "--json")[1])["against"]
    assert against["records"] == 19
    assert against["difference"] == against["dice"][0] - against["dice"][1] > 0
    assert "19 shared records; it stands" in cli(*call)[1]


def test_as_many_worst_records_are_shown_as_asked_for(cli: Cli, real_scenes: Path, files: Path) -> None:
    call = ("score", files / "near.csv", "--data", real_scenes)
    assert len(json.loads(cli(*call, "--json", "--worst", 3)[1])["worst"]) == 3
    assert "1000603527582775543" in cli(*call, "--worst", 1)[1]
    assert "wrong" not in cli(*call, "--worst", 0)[1]


def test_scene_groups_come_from_the_folds(
    cli: Cli, real_scenes: Path, scenes: Scenes, files: Path, tmp_path: Path
) -> None:
    call = ("score", files / "near.csv", "--data", real_scenes, "--json")
    alone = json.loads(cli(*call)[1])
    (tmp_path / "runs").mkdir()
    rows = [f"{each.id},{i % 2},{'ab'[i % 2]}" for i, each in enumerate(scenes.labelled)]
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
        (("log", "--public", "0.6"), 1, "the ledger is empty"),
        (("log", "--entry", "1"), 2, "--public"),
        (("log", "--import", "nowhere.csv"), 1, "no such file"),
    ],
)
def test_a_bad_call_gives_one_line(
    cli: Cli, real_scenes: Path, files: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    shutil.copy(files / "near.csv", tmp_path)
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


def test_a_torn_ledger_is_shown_with_a_warning(cli: Cli, tmp_path: Path) -> None:
    cli("log", "--import", PAST)
    path = tmp_path / "runs" / "submissions.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    code, out, err = cli("log")
    assert code == 0 and "line 10 is incomplete" in err and "row 24" in out
