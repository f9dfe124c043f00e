"""`cli zoo predict`, as it is typed on a machine that has trained runs and test records, and nothing else."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UserError
from tests.cli.conftest import Typed
from tests.tiny_runs import Tiny, tiny_runs
from zoo.data import read_folds
from zoo.members import load_member, read_recipe
from zoo.predictions import find_members
from zoo.runs import Ref, Store

PREDICT = "zoo predict tiny-resnet --split test"
RUN = "runs/members/tiny-resnet/*/fold-{}/result.json"


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    (tmp_path / "tiny-resnet.toml").write_text('base = "lite0-fc-t5"\n')
    return tiny_runs(tmp_path, members=["tiny-resnet"], weights="imagenet")


@pytest.fixture
def typed(tmp_path: Path, tiny: Tiny, typing_in) -> Typed:
    return typing_in(tmp_path, "--data data --jobs 1")


def forget(folder: Path, fold: int) -> None:
    """A run that was cut off before its end."""
    (path,) = folder.glob(RUN.format(fold))
    path.unlink()


def test_test_records_need_neither_training_scenes_nor_first_weights(typed, tiny):
    code, said = typed(f"{PREDICT} --json")
    assert (code, said.err) == (0, "")
    assert [(row["fold"], row["records"]) for row in json.loads(said.out)] == [("0", 3), ("1", 3)]
    assert len(list((tiny.runs / "predictions/tiny-resnet").glob("*/test/fold-*/none/manifest.json"))) == 2


def test_a_fold_without_a_complete_run_is_named_and_the_others_predict(typed, tmp_path, tiny):
    forget(tmp_path, 1)
    code, said = typed(PREDICT)
    assert code == 0
    (place,) = (tiny.runs / "members/tiny-resnet").iterdir()
    (line,) = (line for line in said.err.splitlines() if "warning" in line)
    file = f"runs/members/tiny-resnet/{place.name}/fold-0/recipe.toml"
    how = f"run: cli zoo train --member {file} --fold 1 --data data"
    assert line == f"warning: tiny-resnet@{place.name}: no complete run of fold 1; the others predict; {how}"
    again = load_member(file)
    assert again.name == "tiny-resnet"
    assert again.hash(False, read_folds(tmp_path / "runs" / "folds.csv").sha256) == place.name
    assert said.out == f"tiny-resnet@{place.name} fold 0: 3 records\n"
    code, said = typed(f"{PREDICT} --fold 0")
    assert "warning" not in said.err


def test_the_options_that_train_a_lacking_fold_are_said(typed, tmp_path):
    forget(tmp_path, 1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "tiny-resnet.toml").rename(tmp_path / "mine/tiny-resnet.toml")
    (tmp_path / "contrails.toml").write_text('members = "mine"\n')
    code, said = typed(PREDICT)
    changes = "--set encoder=test_resnet --set 'decoder_channels=[16, 16, 8, 8, 8]' --set size=32 --set crop=0"
    command = f"cli zoo train tiny-resnet --fold 1 {changes} --data data\n"
    assert (code, f"no complete run of fold 1; the others predict; run: {command}" in said.err) == (0, True)


def test_a_run_that_was_stopped_is_named(typed, tmp_path):
    (path,) = tmp_path.glob(RUN.format(1))
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"epochs": 2}))
    code, said = typed(PREDICT)
    note = f"note: tiny-resnet@{path.parents[1].name} fold 1: was stopped at epoch 2 of {result['epochs']}\n"
    assert (code, said.err.count("was stopped"), note in said.err) == (0, 1, True)


def test_without_any_complete_run_it_says_what_to_train(typed, tmp_path):
    for fold in range(2):
        forget(tmp_path, fold)
    code, said = typed(PREDICT)
    assert (code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "tiny-resnet: no complete run of fold 0, 1 of this split in" in said.err
    assert "fold-0 is unfinished: resume it with the command that began it, or train anew; " in said.err
    assert "run: cli zoo train tiny-resnet --fold all" in said.err


def test_the_newest_recipe_with_most_of_the_folds_predicts_unless_another_is_named(typed, tmp_path, tiny):
    (place,) = (tiny.runs / "members/tiny-resnet").iterdir()
    faster = replace(read_recipe(place / "fold-0/recipe.toml", "tiny-resnet"), epochs=1)
    folds_sha256 = json.loads((place / "fold-0/result.json").read_text())["folds_sha256"]
    other = place.with_name(faster.hash(False, folds_sha256))
    shutil.copytree(place, other)
    for path in other.glob("fold-*/recipe.toml"):
        path.write_text(faster.as_toml())
    os.utime(place / "fold-0/result.json", ns=(1, 1))
    os.utime(place / "fold-1/result.json", ns=(1, 1))
    code, said = typed(PREDICT)
    assert (
        f"note: tiny-resnet@{other.name} is the newest that has these folds; others: tiny-resnet@{place.name}"
        in said.err
    )
    assert f"tiny-resnet@{other.name} fold 1: 3 records" in said.out
    full = Path(shutil.copytree(place / "fold-0", place / "fold-full"))
    result = json.loads((full / "result.json").read_text())
    (full / "result.json").write_text(json.dumps(result | {"fold": "full"}))
    assert f"tiny-resnet@{other.name} is the newest that has these folds" in typed(PREDICT)[1].err
    shutil.rmtree(full)
    shutil.rmtree(other / "fold-1")
    code, said = typed(PREDICT)
    assert f"tiny-resnet@{place.name} fold 1: 3 records" in said.out
    code, said = typed(PREDICT.replace("tiny-resnet", f"tiny-resnet@{other.name[:6]}"))
    assert (code, said.out) == (0, f"tiny-resnet@{other.name} fold 0: 3 records\n")
    assert "others: " not in said.err


def test_what_is_trained_on_all_holds_no_records_out(typed):
    code, said = typed("zoo predict lite0-fc-t5 --fold full")
    assert code == 2
    assert "--fold full holds no records out" in said.err


def test_the_split_has_to_be_there(typed, tiny):
    (tiny.runs / "folds.csv").unlink()
    code, said = typed(PREDICT)
    assert code == 1
    assert "folds.csv: no such file; make it" in said.err


def test_held_out_records_need_their_scenes(typed):
    code, said = typed(PREDICT.replace("--split test", "--split oof"))
    assert code == 1
    assert "folds.csv lists 4 records that these sources lack" in said.err


def test_foreign_folders_beside_the_recipes_are_passed_over_and_named(typed, tiny):
    (place,) = (tiny.runs / "members/tiny-resnet").iterdir()
    shutil.copytree(place / "fold-0", place.with_name("backup") / "fold-0")
    (place.with_name("older") / "fold-0").mkdir(parents=True)
    (place.with_name("older") / "fold-0/result.json").write_text('{"format": 1}')
    code, said = typed(PREDICT)
    assert code == 0, said.err
    (line,) = (line for line in said.err.splitlines() if "passed over" in line)
    assert line.startswith("note: ")
    assert "tiny-resnet/backup/fold-0, " in line
    assert line.endswith("tiny-resnet/older/fold-0; remove them")
    code, said = typed(PREDICT.replace("tiny-resnet", "tiny-resnet@backup"))
    assert (code, "holds a run of another recipe" in said.err) == (1, True)
    code, said = typed(PREDICT.replace("tiny-resnet", "tiny-resnet@older"))
    assert (code, "says no member; train the run again" in said.err) == (1, True)


def test_the_beginning_of_several_hashes_is_refused_as_it_is_for_predictions(typed, tiny):
    (place,) = (tiny.runs / "members/tiny-resnet").iterdir()
    assert typed(PREDICT.replace("tiny-resnet", "tiny-resnet@"))[0] == 0  # of one recipe alone
    twin = f"{place.name[:3]}{'0' * 9}"
    for root in (place.parent, tiny.runs / "predictions/tiny-resnet"):
        shutil.copytree(root / place.name, root / twin)
    there = ", ".join(f"tiny-resnet@{name}" for name in sorted((place.name, twin)))
    for beginning in ("", place.name[:3]):
        refusal = f"tiny-resnet@{beginning}: is the beginning of several recipes; there are: {there}"
        code, said = typed(PREDICT.replace("tiny-resnet", f"tiny-resnet@{beginning}"))
        assert (code, refusal in said.err) == (1, True)
        with pytest.raises(UserError, match=re.escape(refusal)):
            find_members(Store(tiny.runs), "test", [Ref.parse(f"tiny-resnet@{beginning}")])
    assert typed(PREDICT.replace("tiny-resnet", f"tiny-resnet@{place.name[:-1]}"))[0] == 0


@pytest.mark.parametrize(("fold", "named"), [("0-1", ["0", "1"]), ("1-1", ["1"]), ("1", ["1"]), ("all", ["0", "1"])])
def test_a_range_of_folds_has_both_ends(typed, fold, named):
    code, said = typed(f"{PREDICT} --fold {fold} --json")
    assert (code, [row["fold"] for row in json.loads(said.out)]) == (0, named)


@pytest.mark.parametrize("fold", ["1-0", "0-2", "0-", "-1", "0-1-1", "2", "00-1", "a"])
@pytest.mark.parametrize("command", ["predict tiny-resnet", "export tiny-resnet --format pt2 --out m.pt2"])
def test_a_bad_range_is_refused_in_one_line(typed, fold, command):
    code, said = typed(f"zoo {command} --fold={fold}")
    refusal = f"error: --fold {fold}: the split has folds 0 to 1; give one of them, some as K-L, all or full\n"
    assert (code, said.err) == (2, refusal)
