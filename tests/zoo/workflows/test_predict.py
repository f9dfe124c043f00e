"""`zoo.workflows.predict`, where there are trained runs and test records, and nothing else."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UsageError, UserError
from core.signing import write_signed
from tests.heard import Heard
from tests.scenes import write_record
from tests.tiny_runs import Tiny, tiny_runs
from zoo.data import open_scenes, read_folds
from zoo.members import load_member, read_recipe
from zoo.predictions import find_members
from zoo.runs import Ref, Store
from zoo.workflows.predict import predict


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return tiny_runs(tmp_path, members=["tiny-resnet"], weights="imagenet")


@pytest.fixture
def place(tiny: Tiny) -> Path:
    """Folder of the only recipe that is trained."""
    (place,) = (tiny.runs / "members/tiny-resnet").iterdir()
    return place


@pytest.fixture
def predicts(tiny: Tiny):
    """Predict the test records: results and what was heard."""

    def predicts(member="tiny-resnet", **options):
        heard = Heard()
        options = {"split": "test", "device": "cpu", "jobs": 1, "listener": heard} | options
        return predict(member, open_scenes([tiny.data]), Store(tiny.runs), **options), heard

    return predicts


def labels(predicted) -> list[str]:
    return [each.run.full_label for each in predicted]


def test_test_records_need_neither_training_scenes_nor_first_weights(predicts, tiny):
    predicted, heard = predicts()
    assert [(each.run.fold, each.as_dict()["records"]) for each in predicted] == [("0", 3), ("1", 3)]
    assert all(set(each.predictions.record_ids) == set(tiny.ids) for each in predicted)
    assert (heard.infos, heard.notes, heard.warnings) == ([], [], [])
    assert heard.tasks == {f"tiny-resnet fold {fold} test": [3, 3] for fold in range(2)}
    assert list(predicted.to_frame()["fold"]) == ["0", "1"]


def test_a_fold_without_a_complete_run_is_named_and_the_others_predict(predicts, place, tiny):
    (place / "fold-1/result.json").unlink()
    predicted, heard = predicts()
    file = place / "fold-0/recipe.toml"
    what = f"tiny-resnet@{place.name}: no complete run of fold 1; the others predict"
    assert heard.warnings == [f"{what}; run: cli zoo train {file} --fold 1"]
    again = load_member(str(file))
    assert again.name == "tiny-resnet"
    assert again.hash(False, read_folds(tiny.runs / "folds.csv").sha256) == place.name
    assert labels(predicted) == [f"tiny-resnet@{place.name} fold 0"]
    assert predicts(fold="0")[1].warnings == []


def test_the_options_that_train_a_lacking_fold_are_said(predicts, place, tmp_path):
    (place / "fold-1/result.json").unlink()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/tiny-resnet.toml").write_text('base = "lite0-fc-t5"\n')
    _, heard = predicts(own_members=tmp_path / "mine")
    changes = "--set encoder=test_resnet --set 'decoder_channels=[16, 16, 8, 8, 8]' --set size=32 --set crop=0"
    assert heard.warnings[0].endswith(f"; run: cli zoo train tiny-resnet --fold 1 {changes}")


def test_a_run_that_was_stopped_is_named(predicts, place):
    path = place / "fold-1/result.json"
    result = json.loads(path.read_text())
    write_signed(path, result | {"epochs": 2})
    _, heard = predicts()
    assert heard.notes == [f"tiny-resnet@{place.name} fold 1: was stopped at epoch 2 of {result['epochs']}"]


def test_a_result_that_was_changed_is_named_with_the_way_to_sign_it(predicts, place):
    path = place / "fold-1/result.json"
    path.write_text(path.read_text().replace('"epochs": 20', '"epochs": 21'))
    _, heard = predicts()
    assert heard.notes[0] == (
        f"skipped: {path}: has been changed since it was written; if on purpose, sign it again; run: cli sign {path}"
    )


def test_without_any_complete_run_it_says_what_to_train(predicts, place, tmp_path):
    for fold in range(2):
        (place / f"fold-{fold}/result.json").unlink()
    (tmp_path / "tiny-resnet.toml").write_text('base = "lite0-fc-t5"\n')
    with pytest.raises(UserError) as raised:
        predicts(own_members=tmp_path)
    assert "tiny-resnet: no complete run of fold 0, 1 of this split in" in raised.value.what
    assert "fold-0 is unfinished: resume it with the command that started it, or train it again" in raised.value.what
    assert str(raised.value.do) == "cli zoo train tiny-resnet --fold all"


def test_the_newest_recipe_with_most_of_the_folds_predicts_unless_another_is_named(predicts, place):
    faster = replace(read_recipe(place / "fold-0/recipe.toml", "tiny-resnet"), epochs=1)
    folds_sha256 = json.loads((place / "fold-0/result.json").read_text())["folds_sha256"]
    other = place.with_name(faster.hash(False, folds_sha256))
    shutil.copytree(place, other)
    for path in other.glob("fold-*/recipe.toml"):
        path.write_text(faster.as_toml())
    os.utime(place / "fold-0/result.json", ns=(1, 1))
    os.utime(place / "fold-1/result.json", ns=(1, 1))
    predicted, heard = predicts()
    note = f"tiny-resnet@{other.name} is the newest with these folds; others: tiny-resnet@{place.name}"
    assert heard.notes == [note]
    assert labels(predicted) == [f"tiny-resnet@{other.name} fold {fold}" for fold in range(2)]
    full = Path(shutil.copytree(place / "fold-0", place / "fold-full"))
    result = json.loads((full / "result.json").read_text())
    write_signed(full / "result.json", result | {"fold": "full"})
    assert predicts()[1].notes == [note]
    shutil.rmtree(full)
    shutil.rmtree(other / "fold-1")
    assert f"tiny-resnet@{place.name} fold 1" in labels(predicts()[0])
    predicted, heard = predicts(f"tiny-resnet@{other.name[:6]}")
    assert (labels(predicted), heard.notes) == ([f"tiny-resnet@{other.name} fold 0"], [])


def test_what_is_trained_on_all_holds_no_records_out(predicts):
    with pytest.raises(UsageError, match="--fold full holds no records out"):
        predicts("lite0-fc-t5", fold="full", split="oof")


def test_the_split_and_test_records_have_to_be_there(predicts, tiny):
    write_record(tiny.data, "train", "0")
    shutil.rmtree(tiny.data / "test")
    with pytest.raises(UserError, match=f"{re.escape(str(tiny.data))}: holds no test records"):
        predicts()
    (tiny.runs / "folds.csv").unlink()
    with pytest.raises(UserError, match=r"folds\.csv: no such file"):
        predicts(split="oof")


def test_held_out_records_need_their_scenes(predicts):
    with pytest.raises(UserError, match=r"folds\.csv lists 4 records that these sources lack"):
        predicts(split="oof")


def test_foreign_folders_beside_the_recipes_are_passed_over_and_named(predicts, place):
    shutil.copytree(place / "fold-0", place.with_name("backup") / "fold-0")
    (place.with_name("older") / "fold-0").mkdir(parents=True)
    (place.with_name("older") / "fold-0/result.json").write_text('{"format": 1}')
    notes = predicts()[1].notes
    (line,) = (line for line in notes if "skipped, because" in line)
    assert line.endswith("tiny-resnet/backup/fold-0; remove them")
    assert any(line.startswith("skipped: ") and "older/fold-0/recipe.toml: is missing" in line for line in notes)
    with pytest.raises(UserError, match="holds a run of another recipe"):
        predicts("tiny-resnet@backup")
    with pytest.raises(UserError, match="is missing; run again the command that trained it"):
        predicts("tiny-resnet@older")


def test_the_beginning_of_several_hashes_is_refused_as_it_is_for_predictions(predicts, place, tiny):
    predicts("tiny-resnet@")  # of one recipe alone
    twin = f"{place.name[:3]}{'0' * 9}"
    for root in (place.parent, tiny.runs / "predictions/tiny-resnet"):
        shutil.copytree(root / place.name, root / twin)
    there = ", ".join(f"tiny-resnet@{name}" for name in sorted((place.name, twin)))
    for beginning in ("", place.name[:3]):
        refusal = f"tiny-resnet@{beginning}: is the beginning of several recipes; there are: {there}"
        with pytest.raises(UserError, match=re.escape(refusal)):
            predicts(f"tiny-resnet@{beginning}")
        with pytest.raises(UserError, match=re.escape(refusal)):
            find_members(Store(tiny.runs), "test", [Ref.parse(f"tiny-resnet@{beginning}")])
    assert predicts(f"tiny-resnet@{place.name[:-1]}")[0]


@pytest.mark.parametrize(("fold", "named"), [("0-1", ["0", "1"]), ("1-1", ["1"]), ("1", ["1"]), ("all", ["0", "1"])])
def test_a_range_of_folds_has_both_ends(predicts, fold, named):
    assert [each.run.fold for each in predicts(fold=fold)[0]] == named
