"""`cli zoo predict`, as it is typed on a machine that has trained runs and test records, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Typed
from tests.cli.tiny_runs import Tiny, tiny_runs

KEYS = "--set encoder=test_resnet --set weights=imagenet --set size=32 --set crop=0"
PREDICT = f"zoo predict --member tiny-resnet.toml {KEYS} --split test"
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


def test_a_fold_without_a_complete_run_is_named_and_the_others_predict(typed, tmp_path):
    forget(tmp_path, 1)
    code, said = typed(PREDICT)
    assert code == 0
    (line,) = (line for line in said.err.splitlines() if "warning" in line)
    assert line == (
        "warning: no complete run of tiny-resnet fold 1; run: cli zoo train --member tiny-resnet.toml --fold 1 "
        "--set encoder=test_resnet --set weights=imagenet --set size=32 --set crop=0; the others predict"
    )
    assert said.out == "tiny-resnet fold 0: 3 records\n"
    code, said = typed(f"{PREDICT} --fold 0")
    assert "warning" not in said.err


def test_without_any_complete_run_it_says_what_to_train_and_which_recipes_there_are(typed, tmp_path):
    code, said = typed(f"{PREDICT} --epochs 3 --with-val --seeds 2")
    assert (code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "no complete run of tiny-resnet fold 0, 1, 0 seed 1, 1 seed 1; run: cli zoo train" in said.err
    assert "--fold all --epochs 3 --seeds 2 --set" in said.err
    assert "--with-val; trained by other options: tiny-resnet@" in said.err
    for fold in range(2):
        forget(tmp_path, fold)
    code, said = typed(PREDICT)
    assert (code, "other options" in said.err) == (1, False)


def test_a_member_that_was_trained_by_other_options_is_pointed_at_beside_one_that_predicts(typed, tmp_path, tiny):
    other = tmp_path / "tiny-other.toml"
    other.write_text('base = "lite0-fc-t5"\n')
    (place,) = (tiny.runs / "members/tiny-resnet").iterdir()
    shutil.copytree(place, tiny.runs / "members/tiny-other/0123456789ab")
    shutil.rmtree(place / "fold-1")
    code, said = typed(PREDICT.replace("--member", "--member tiny-other.toml --member"))
    assert (code, said.out) == (0, "tiny-resnet fold 0: 3 records\n")
    assert "no complete run of tiny-other fold 0, 1; tiny-resnet fold 1; run: cli zoo train" in said.err
    assert "; trained by other options: tiny-other@0123456789ab; the others predict" in said.err


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
