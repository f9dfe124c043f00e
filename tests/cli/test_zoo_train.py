"""`cli zoo train`, as it is typed."""

import json
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from cli.app import run
from core.files import sha256_of_file
from tests.zoo.training.cases import write_scenes
from zoo.predictions import find_members
from zoo.runs import Ref, Store

KEYS = ("encoder=test_efficientnet", "weights=none", "decoder_channels=[16,16,8,8,8]", "size=64", "crop=0", "batch=2")
TINY = " ".join(f"--set {key}" for key in KEYS) + " --jobs 1"
STAGED = """
base = "lite0-fc-t5"
epochs = 1
[[stages]]
freeze = 1.0
[[stages]]
freeze = 0.0
[log]
stages = [0.1234]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    write_scenes(folder / "scenes")
    (folder / "staged.toml").write_text(STAGED)
    return folder


@pytest.fixture
def typed(folder, typing_in):
    return typing_in(folder, f"{TINY} --data scenes")


def test_each_stages_score_stands_beside_the_logged_one(typed):
    code, said = typed("zoo train --member staged.toml --fold 0")
    assert code == 0, said.err
    assert "staged fold 0 stage 2: epoch 1/1" in said.err
    assert "0.1234" in said.out
    code, said = typed("zoo train --member staged.toml --fold 0 --json")
    (row,) = json.loads(said.out)
    assert [len(row["stages"]), row["logged_stages"]] == [2, [0.1234]]
    assert "reused" in said.err


def test_a_run_that_was_stopped_says_so_and_how_it_goes_on(typed, folder):
    command = "zoo train lite0-fc-t5 --epochs 2 --fold 0 --set lr=0.002"
    assert typed(f"{command} --json")[0] == 0  # so that its folder is known
    (whole,) = (folder / "runs/members/lite0-fc-t5").glob("*/fold-0")
    assert json.loads(typed(f"{command} --json")[1].out)[0]["stopped_at"] is None
    shutil.rmtree(whole)
    whole.mkdir()
    stop = (whole / "stop").relative_to(folder)
    (whole / "stop").touch()
    code, said = typed(command)
    line = f"lite0-fc-t5 fold 0: stopped at epoch 1 of 2; remove {stop} to train it on"
    assert (code, line in said.err) == (0, True)
    assert "1/1 epoch 1 of 2" in " ".join(said.out.split())
    code, said = typed(f"{command} --json")
    assert line.replace("; ", ", reused; ") in said.err
    (row,) = json.loads(said.out)
    assert (row["stopped"], row["stopped_at"], row["planned_epochs"]) == (True, "epoch 1 of 2", 2)
    (whole / "stop").unlink()
    code, said = typed(command)
    assert (code, "epoch 2/2" in said.err, "stopped" in said.err + said.out) == (0, True, False)


def test_the_minutes_are_those_of_all_stages_and_no_threshold_reads_nought(typed, folder):
    code, said = typed("zoo train --member staged.toml --fold 0 --set average_best=2 --epochs 2 --json")
    assert (code, "epoch 2/2" in said.err, "at 0.00 " in said.err) == (0, True, False)
    path = max(folder.glob("runs/members/staged/*/fold-0/result.json"), key=lambda path: path.stat().st_mtime_ns)
    result = json.loads(path.read_text())
    for stage, seconds in zip(result["stages"], (120.0, 60.0)):
        stage["seconds"] = seconds
    kept = {"seconds": 60.0, "threshold": 1 / 255, "averaged": [1, 2]}
    result["stages"][1] |= kept
    path.write_text(json.dumps(result | kept))
    code, said = typed("zoo train --member staged.toml --fold 0 --set average_best=2 --epochs 2")
    first, *_, second = (line for line in said.out.splitlines() if "staged" in line)
    assert [first.split()[column] for column in (2, 4, 6)] == ["1+2/2", "0.004", "3.0"]
    assert second.split()[3] == "1+2/2"


def test_a_stop_file_in_the_first_stage_ends_a_staged_run(typed, folder):
    assert typed("zoo train --member staged.toml --fold 0 --set lr=0.002 --json")[0] == 0
    (result,) = (
        path for path in folder.glob("runs/members/staged/*/fold-0") if "0.002" in (path / "recipe.toml").read_text()
    )
    shutil.rmtree(result)
    result.mkdir()
    (result / "stop").touch()
    code, said = typed("zoo train --member staged.toml --fold 0 --set lr=0.002")
    assert (code, "stage 2: epoch" in said.err) == (0, False)
    assert "staged fold 0: stopped at stage 1 of 2, epoch 1 of 1; remove" in said.err
    assert "1/1 stage 1 of 2, epoch 1 of 1" in " ".join(said.out.split())


@pytest.fixture(scope="module")
def trained(folder):
    """A run of one epoch that others look at, or spoil and train again."""
    words = f"zoo train lite0-fc-t5 --epochs 1 --fold 0 --set lr=0.003 {TINY} --json --runs {folder / 'own'}"
    with redirect_stdout(StringIO()) as out:
        assert run([*words.split(), "--data", str(folder / "scenes")]) == 0
    (row,) = json.loads(out.getvalue())
    return words.replace(" --json", "").replace(f" {TINY}", ""), Path(row["folder"])


def test_a_member_that_is_named_twice_is_trained_once(typed, trained, folder):
    (folder / "lite0-fc-t5.toml").write_text('base = "lite0-fc-t5"\n')
    twice = trained[0].replace("train lite0-fc-t5", "train lite0-fc-t5 lite0-fc-t5 --member lite0-fc-t5.toml")
    code, said = typed(f"{twice} --json")
    assert (code, len(json.loads(said.out))) == (0, 1), said.err


def test_weights_that_were_spoilt_are_named_before_they_are_trained_again(typed, trained):
    command, run_folder = trained
    best = run_folder / "best.safetensors"
    good = best.read_bytes()
    best.write_bytes(good[:-1] + b"!")
    code, said = typed(command)
    assert code == 0, said.err
    digits = "[0-9a-f]{12}"
    words = f"lite0-fc-t5 fold 0: {best} has SHA-256 {digits}, and the run ended with {digits}; it is trained again"
    assert re.match(words, said.err)
    best.unlink()
    assert f"{best} is gone; it is trained again" in typed(command)[1].err
    assert best.read_bytes() == good


def test_a_runs_own_recipe_trains_the_other_folds_of_its_member(typed, trained, typing_in, folder):
    _, run_folder = trained
    typed = typing_in(folder, f"--data scenes --jobs 1 --runs {folder / 'own'}")
    for path in (run_folder / "recipe.toml", (run_folder / "recipe.toml").relative_to(folder)):
        code, said = typed(f"zoo train --member {path} --fold 1 --json")
        assert code == 0, said.err
        (row,) = json.loads(said.out)
        assert (row["member"], Path(row["folder"])) == ("lite0-fc-t5", run_folder.with_name("fold-1"))
    assert "reused" in said.err
    shutil.rmtree(run_folder.with_name("fold-1"))


@pytest.mark.parametrize("torn", ["", "{", "null"])
def test_a_result_that_is_torn_is_named_before_its_run_is_trained_again(typed, trained, torn):
    command, run_folder = trained
    path = run_folder / "result.json"
    good = json.loads(path.read_text())
    path.write_text(torn)
    code, said = typed(command)
    assert code == 0, said.err
    assert f"lite0-fc-t5 fold 0: {path} is torn; it is trained again\n" in said.err
    assert json.loads(path.read_text())["weights_sha256"] == good["weights_sha256"]


def test_tables_fit_the_terminal(typed, trained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    head, row, *_ = typed(trained[0])[1].out.splitlines()
    assert head.split()[:3] == ["member", "fold", "best"]
    assert row.split()[:2] == ["lite0-fc-t5", "0"]
    assert max(len(head), len(row)) <= 60


def test_a_run_that_finds_nothing_is_warned_of(typed, trained):
    command, run_folder = trained
    path = run_folder / "result.json"
    kept = path.read_text()
    path.write_text(json.dumps(json.loads(kept) | {"dice": 0.0}))
    warning = "warning: lite0-fc-t5 fold 0: Dice 0: it finds no contrail of its fold at any threshold"
    assert f"{warning}; what may help: a lower rate (--set lr=0.001), more epochs (now 1)" in typed(command)[1].err
    path.write_text(kept)
    assert "warning" not in typed(command)[1].err


def test_what_holds_nothing_out_has_no_score_and_its_own_next_step(typed, folder, typing_in):
    code, said = typed("zoo train lite0-fc-t5 --epochs 1 --fold full")
    assert code == 0, said.err
    assert "Dice" not in said.out
    assert "No score: " in said.out
    (command,) = re.findall(r"next: cli (zoo predict lite0-fc-t5@[0-9a-f]{12} --fold full --split test) --", said.err)
    code, said = typing_in(folder, "--data scenes --jobs 1")(command)
    assert code == 0, said.err
    assert "note: cli submit takes the folds' runs, and not these" in said.err
    assert "next: cli zoo export lite0-fc-t5@" in said.err


def test_a_member_starts_from_anothers_run_of_the_same_fold(typed, folder):
    assert typed("zoo train lite0-fc-t5 --epochs 1 --fold 1")[0] == 0
    code, said = typed("zoo train lite0-fc-t5 --from lite0-fc-t5 --epochs 1 --fold 1 --json")
    assert code == 0, said.err
    (row,) = json.loads(said.out)
    (source,) = [
        path
        for path in (folder / "runs/members/lite0-fc-t5").glob("*/fold-1/result.json")
        if not row["folder"].endswith(str(path.parent.relative_to(folder / "runs")))
    ]
    assert f"starts from lite0-fc-t5@{source.parents[1].name}; runs/members" in said.err
    assert row["started_from"] == json.loads(source.read_text())["weights_sha256"]
    assert "start_from" in (folder / row["folder"] / "recipe.toml").read_text()
    code, said = typed("zoo train lite0-fc-t5 --from lite0-fc-t5 --epochs 1 --fold 1")
    assert "reused" in said.err
    best, result = source.with_name("best.safetensors"), json.loads(source.read_text())
    save_file({key: value + 1 for key, value in load_file(best).items()}, best)
    source.write_text(json.dumps(result | {"weights_sha256": sha256_of_file(best)}))  # as if it had been trained on
    code, said = typed("zoo train lite0-fc-t5 --from lite0-fc-t5 --epochs 1 --fold 1 --json")
    assert f"@{source.parents[1].name}, from which it started, has other weights since; it is trained again" in said.err
    assert json.loads(said.out)[0]["started_from"] == sha256_of_file(best)
    assert "reused" in typed("zoo train lite0-fc-t5 --from lite0-fc-t5 --epochs 1 --fold 1")[1].err


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("lite0-fc-t", 'start_from: runs: no trained member "lite0-fc-t"; did you mean "lite0-fc-t5"?'),
        ("lite0-fc-t5@00000000", "lite0-fc-t5@00000000: was not trained in runs; there are: lite0-fc-t5@"),
        ("lite1-fc-t5", "start_from: lite1-fc-t5 has encoder tf_efficientnet_lite1, and this one test_efficientnet; "),
    ],
)
def test_a_start_that_is_not_there_is_answered_with_what_is(typed, folder, start, words):
    code, said = typed(f"zoo train lite0-fc-t5 --from {start} --epochs 1 --fold 1")
    assert (code, words in said.err) == (1 if "@" in start else 2, True), said.err


def test_several_seeds_make_several_runs_of_a_fold_whose_maps_are_averaged(typed, folder, typing_in):
    code, said = typed("zoo train --member staged.toml --fold 1 --seeds 2 --json")
    assert code == 0, said.err
    rows = json.loads(said.out)
    assert [row["seed"] for row in rows] == [0, 1]
    assert rows[0]["weights_sha256"] != rows[1]["weights_sha256"]
    assert rows[1]["folder"].endswith("fold-1-seed-1")
    code, said = typing_in(folder, "--data scenes --jobs 1")("zoo predict staged --fold 1")
    assert "fold 1 seed 1: " in said.out
    (maps,) = find_members(Store(folder / "runs"), "oof", [Ref.parse("staged")])
    assert len([part for part in maps.sets if part.provenance.fold == "1"]) == 2
