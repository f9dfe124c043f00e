"""Check and score of files against real scenes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.dice import count
from core.errors import UserError
from pipeline.score import check, score
from submissions import read_submission, write_submission
from tests.heard import Heard
from zoo.data import Scenes, open_scenes


@pytest.fixture(scope="module")
def scenes(real_scenes: Path) -> Scenes:
    return open_scenes([real_scenes])


@pytest.fixture(scope="module")
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


def without_test(real_scenes: Path, folder: Path) -> Scenes:
    for split in ("train", "validation"):
        folder.mkdir(exist_ok=True)
        (folder / split).symlink_to(real_scenes / split)
    return open_scenes([folder])


def test_the_official_test_records_and_their_sample_file_are_accepted(
    scenes: Scenes, real_scenes: Path, files: Path
) -> None:
    for file in (files / "test.csv", real_scenes / "sample_submission.csv"):
        heard = Heard()
        report = check(file, scenes, listener=heard)
        assert report.accepted and report.rows == 2 and not heard.notes


def test_a_file_of_other_records_is_rejected_unless_their_split_is_named(scenes: Scenes, files: Path) -> None:
    heard = Heard()
    faults = check(files / "validation.csv", scenes, listener=heard).faults
    test = {record.id for record in scenes.test}
    held = sum(record.split == "validation" and record.id not in test for record in scenes.labelled)
    assert heard.notes[-1].startswith(f"{held} rows are of labelled records")
    assert heard.notes[-1].endswith("; run: cli submissions check " + str(files / "validation.csv --split oof"))
    assert "the id belongs to validation, which" in faults[0].what and "--split" in faults[0].todo
    assert check(files / "validation.csv", scenes, "validation").accepted
    assert check(files / "near.csv", scenes, "labelled").accepted


def test_an_out_of_fold_file_may_hold_fewer_records_but_no_others(scenes: Scenes, files: Path) -> None:
    heard = Heard()
    assert check(files / "validation.csv", scenes, "oof", heard).accepted
    (note,) = heard.notes
    held = len(read_submission(files / "validation.csv").ids)
    assert note.endswith(f"holds {held} of {len(scenes.labelled)} labelled records")
    assert not check(files / "validation.csv", scenes, "labelled").accepted
    assert not check(b"record_id,encoded_pixels\n12345,-\n", scenes, "oof").accepted
    found = score(files / "validation.csv", scenes, split="oof", listener=heard)
    assert found.score.records == held
    assert not any("lacks" in warning for warning in heard.warnings)


def test_without_test_records_all_labelled_ones_are_expected(real_scenes: Path, files: Path, tmp_path: Path) -> None:
    scenes = without_test(real_scenes, tmp_path / "data")
    assert check(files / "near.csv", scenes).accepted
    assert not check(files / "test.csv", scenes).accepted
    with pytest.raises(UserError, match="holds no test records"):
        check(files / "test.csv", scenes, "test")


def test_without_scenes_the_form_is_checked_and_that_is_said(files: Path) -> None:
    heard = Heard()
    report = check(files / "near.csv", listener=heard)
    assert report.accepted and report.rows == 37 and "not checked" in heard.notes[0]


def test_a_stale_sample_is_said_to_set_no_order(real_scenes: Path, files: Path, tmp_path: Path) -> None:
    (tmp_path / "test").symlink_to(real_scenes / "test")
    (tmp_path / "sample_submission.csv").write_text("record_id,encoded_pixels\n7,-\n")
    heard = Heard()
    assert check(files / "test.csv", open_scenes([tmp_path]), listener=heard).accepted
    assert "order does not count" in heard.notes[0]


def test_the_score_is_counted_over_all_records(scenes: Scenes, files: Path) -> None:
    heard = Heard()
    document = score(files / "near.csv", scenes, listener=heard).as_dict()
    found = read_submission(files / "near.csv")
    masks = np.stack([found.mask(record.id) for record in scenes.labelled])
    tp, predicted, truth = map(int, count(masks, np.stack([scenes.mask(each) for each in scenes.labelled])).sum(axis=0))
    assert document["dice"] == 2 * tp / (predicted + truth)
    assert document["counts"] == {"tp": tp, "predicted": predicted, "truth": truth}
    assert document["records"] == 37 and document["missing"] == 0
    few = "only 5.9 effective of 37 scene groups (by share of the pixels): no interval can be trusted"
    assert document["warnings"] == heard.warnings == [few]
    low, high = document["interval"]
    assert low < document["dice"] < high
    assert heard.tasks == {f"score {files / 'near.csv'}": [37, 37]}


def test_the_labels_score_one(scenes: Scenes, files: Path) -> None:
    assert score(files / "truth.csv", scenes).score.dice.value == 1


def test_labelled_records_that_a_file_lacks_are_counted_unless_a_split_demands_them(
    scenes: Scenes, files: Path
) -> None:
    heard = Heard()
    scored = score(files / "validation.csv", scenes, listener=heard)
    assert (scored.score.records, scored.missing) == (19, 18)
    assert "lacks 18 of 37" in heard.warnings[0]
    assert score(files / "validation.csv", scenes, split="validation").missing == 0
    with pytest.raises(UserError, match="17 more of train missing"):
        score(files / "validation.csv", scenes, split="train")


def test_the_two_official_test_records_are_scored_with_a_warning(scenes: Scenes, files: Path) -> None:
    heard = Heard()
    document = score(files / "test.csv", scenes, listener=heard).as_dict()
    assert document["dice"] == 1 and document["warnings"] == heard.warnings
    assert "the labels hold no contrail pixel (2 records): an empty file is right" in document["warnings"][0]


def test_a_split_is_scored_alone(scenes: Scenes, files: Path) -> None:
    heard = Heard()
    assert score(files / "near.csv", scenes, split="validation", listener=heard).score.records == 19
    assert "18 rows of other splits" in heard.notes[0]


def test_a_record_without_a_label_is_an_error(scenes: Scenes, files: Path) -> None:
    with pytest.raises(UserError, match="record 42 has no label"):
        score((files / "near.csv").read_bytes() + b"42,-\n", scenes)


def test_two_files_are_compared_in_pairs(scenes: Scenes, files: Path) -> None:
    against = score(files / "near.csv", scenes, against=files / "validation.csv").as_dict()["against"]
    assert against["records"] == 19
    assert against["difference"] == against["dice"][0] - against["dice"][1] > 0


def test_as_many_worst_records_are_listed_as_asked_for(scenes: Scenes, files: Path) -> None:
    scored = score(files / "near.csv", scenes)
    assert len(scored.as_dict(3)["worst"]) == 3 and scored.as_dict(0)["worst"] == []
    assert scored.as_dict(1)["worst"][0]["record"] == "1000603527582775543"


def test_scene_groups_change_the_interval_alone(scenes: Scenes, files: Path) -> None:
    groups = {each.id: "ab"[i % 2] for i, each in enumerate(scenes.labelled)}
    alone, grouped = (score(files / "near.csv", scenes, groups=each).score.dice for each in (None, groups))
    assert grouped.value == alone.value and (grouped.low, grouped.high) != (alone.low, alone.high)


def test_a_file_that_the_gate_rejects_is_not_scored(scenes: Scenes, files: Path, tmp_path: Path) -> None:
    shutil.copy(files / "near.csv", tmp_path)
    text = (tmp_path / "near.csv").read_text().splitlines()
    (tmp_path / "near.csv").write_text("\n".join([*text[:3], text[3].split(",")[0] + ","]) + "\n")
    with pytest.raises(UserError, match=r"near\.csv: line 4"):
        score(tmp_path / "near.csv", scenes)
