"""`cli zoo predict`, as it is typed on a machine that has trained runs and test records, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Typed
from tests.tiny_runs import Tiny, tiny_runs

PREDICT = "zoo predict tiny-resnet --split test"


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    (tmp_path / "tiny-resnet.toml").write_text('base = "lite0-fc-t5"\n')
    return tiny_runs(tmp_path, members=["tiny-resnet"], weights="imagenet")


@pytest.fixture
def typed(tmp_path: Path, tiny: Tiny, typing_in) -> Typed:
    return typing_in(tmp_path, "--data data --jobs 1")


def test_test_records_are_predicted_and_a_lacking_fold_is_trained_as_advised(typed, tiny):
    code, said = typed(f"{PREDICT} --json")
    assert (code, said.err) == (0, "")
    assert [(row["fold"], row["records"]) for row in json.loads(said.out)] == [("0", 3), ("1", 3)]
    (path,) = tiny.runs.glob("members/tiny-resnet/*/fold-1/result.json")
    path.unlink()
    code, said = typed(PREDICT)
    name = path.parents[1].name
    how = f"cli zoo train runs/members/tiny-resnet/{name}/fold-0/recipe.toml --fold 1 --data data"
    line = f"warning: tiny-resnet@{name}: no complete run of fold 1; the others predict; run: {how}"
    assert (code, said.out) == (0, f"tiny-resnet@{name} fold 0: 3 records\n")
    assert said.err.splitlines() == [line, "next: cli submit --out submission.csv --data data"]


@pytest.mark.parametrize("command", ["predict tiny-resnte", "export tiny-resnte --format pt2 --out m.pt2"])
def test_a_mistyped_member_is_answered_before_torch_loads(tmp_path, tiny, command):
    words = ["zoo", *command.split(), "--data", "data", "--runs", str(tiny.runs)]
    probe = f"import sys; from cli.app import run; print(run({words!r}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"
    assert 'did you mean "tiny-resnet"?' in done.stderr


@pytest.mark.parametrize("fold", ["1-0", "0-2", "0-", "-1", "0-1-1", "2", "00-1", "a"])
@pytest.mark.parametrize("command", ["predict tiny-resnet", "export tiny-resnet --format pt2 --out m.pt2"])
def test_a_bad_range_is_refused_in_one_line(typed, fold, command):
    code, said = typed(f"zoo {command} --fold={fold}")
    refusal = f"error: --fold {fold}: the split has folds 0 to 1; give one of them, some as K-L, all or full\n"
    assert (code, said.err) == (2, refusal)
