"""What new users stumbled over, each answered in one line before work starts."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.app import run
from core import extras
from tests.ensemble.runs import fake_runs, write_set
from tests.scenes import write_record

KEPT = Path(__file__).parents[1] / "fixtures" / "real_runs"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return fake_runs(tmp_path_factory.mktemp("made"), records=6, noise=(1.0, 1.0))


@pytest.fixture
def said(made, tmp_path, monkeypatch, capsys):
    """Exit code and stderr of a command on the fake runs, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def type_in(command: str, runs: object = made.runs) -> tuple[int, str]:
        code = run([*command.split(), "--data", str(made.data), "--runs", str(runs), "--jobs", "1"])
        return code, capsys.readouterr().err

    return type_in


@pytest.mark.parametrize("command", ["zoo leaderboard", "zoo errors m0", "ensemble fit", "ensemble show", "zoo verify"])
def test_a_runs_folder_that_is_not_there_is_named(command, said):
    code, error = said(command, runs="nowhere")
    assert (code, error) == (2, "error: --runs nowhere: there is no such folder; name the one with your runs\n")


def test_a_folder_named_like_a_member_is_no_member(said, tmp_path):
    for name in ("m0", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "lite0-fc-t5").write_text("a file without an ending")
    assert said("zoo leaderboard")[0] == 0
    assert said("zoo list")[0] == 0
    assert said("zoo show lite0-fc-t5")[0] == 0
    code, error = said("zoo leaderboard mine")
    assert code == 2
    assert 'no predicted member "mine"' in error


def test_errors_of_an_untrained_member_advise_to_train_it(said):
    code, error = said("zoo errors lite0-fc-t5")
    assert code == 1
    assert "lite0-fc-t5 is not trained; run: cli zoo train lite0-fc-t5 --fold all" in error


@pytest.mark.parametrize(
    ("command", "fault"),
    {
        "zoo errors m0 --csv .": "is a folder",
        "zoo leaderboard --csv .": "is a folder",
        "zoo list --csv .": "is a folder",
        "zoo list --csv -": "name a file",
        "zoo list --csv no/such.csv": "there is no folder no",
        "data stats --csv .": "is a folder",
        "data folds --out .": "is a folder",
        "zoo errors m0 --worst 0 --out worst": "--worst 1 or more",
        "zoo errors m00 --out worst": 'did you mean "m0"',
        "zoo show lite0-fc-t5 --augmented .": "is a folder",
    }.items(),
)
def test_an_output_is_checked_before_the_work(command, fault, said, tmp_path):
    code, error = said(command)
    assert code == 2
    assert fault in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("views", "answer"),
    {
        "spin": 'no view "spin"; known: d4, flips, hflip, multiply, none, rot90, scale, transpose, vflip',
        "hflop": 'no view "hflop"; did you mean "hflip"?',
        "d4@mena": 'no merge "mena"; did you mean "mean"?',
    }.items(),
)
def test_views_are_answered_by_the_nearest_of_their_kind(views, answer, said):
    code, error = said(f"zoo leaderboard --tta {views}")
    assert code == 2
    assert answer in error


def test_a_line_up_stands_for_its_only_member(said, tmp_path):
    (tmp_path / "contrails.toml").write_text('[lineups]\nboth = ["m0", "m1"]\none = ["m0"]\n')
    assert said("zoo errors one")[0] == 0
    for command in ("zoo errors both", "zoo show both"):
        code, error = said(command)
        assert (code, error) == (2, "error: both: is a line-up of 2 members; name one: m0, m1\n")


def test_the_default_line_up_is_said(said):
    assert said("zoo pseudo")[1].startswith("no member is named: the default line-up, lite0-fc-t5-ema, ")


def test_runs_without_their_folds_are_not_split_anew(said, made, tmp_path):
    shutil.copytree(made.runs, tmp_path / "again")
    (tmp_path / "again" / "folds.csv").unlink()
    code, error = said("zoo train lite0-fc-t5 --set weights=none", runs=tmp_path / "again")
    assert code == 1
    assert "there are runs of 3 folds" in error
    assert "run: cli data folds --folds 3" in error


def test_an_out_of_fold_file_is_checked_and_scored_by_the_same_split(said):
    assert said("ensemble fit --method uniform --min-pixels none")[0] == 0
    assert said("submit --split oof --out oof.csv")[0] == 0
    assert said("submissions check oof.csv --split oof")[0] == 0
    assert said("submissions score oof.csv --split oof")[0] == 0


def test_the_score_of_an_out_of_fold_file_is_called_in_sample(said):
    assert said("ensemble fit --method uniform --min-pixels none")[0] == 0
    _, error = said("submit --split oof --out oof.csv")
    assert "note: the score of these records, on which the ensemble was fitted, is in-sample 0." in error
    code, error = said("submit --split validation --out other.csv")
    assert code == 2
    assert "validation records have labels: oof writes their masks" in error


def test_the_next_command_does_not_stumble_over_an_older_file(said, tmp_path):
    (tmp_path / "submission.csv").write_text("")
    assert "next: cli submit --out submission-2.csv" in said("ensemble fit --method uniform --min-pixels none")[1]


def test_test_maps_of_an_imported_member_are_to_be_imported(said, made, tmp_path):
    write_record(tmp_path / "scenes", "test", "9000")
    assert said("ensemble fit --method uniform --min-pixels none")[0] == 0
    code, error = said(f"submit --out test.csv --data {tmp_path / 'scenes'}")
    assert code == 1
    assert "no test predictions of m0, which has no runs here" in error
    assert "run: cli zoo import m0 --oof DIR --test DIR" in error


def test_many_faults_of_the_same_words_are_one_line(tmp_path, capsys):
    file = tmp_path / "bad.csv"
    file.write_text("record_id,encoded_pixels\n" + "".join(f"{number},1 0\n" for number in range(100, 135)))
    assert run(["submissions", "check", str(file)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in told] == ["35 lines:"]
    assert "(line 2: 100, line 3: 101, line 4: 102, ...)" in told[0]


def test_a_demo_without_torch_ends_before_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert run(["demo"]) == 1
    assert 'torch is not installed; run: pip install "' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_package_of_an_extra_is_one_that_pyproject_names():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for extra, packages in extras.EXTRAS.items():
        own = text.partition(f"\n{extra} = [")[2].partition("]")[0]
        assert all(package.replace("_", "-") in own for package in packages)


def test_a_fit_with_views_takes_members_without_runs_as_they_are(said, made, tmp_path):
    shutil.copytree(made.runs, tmp_path / "mixed")
    for fold in range(3):
        write_set(replace(made, runs=tmp_path / "mixed"), "m1", fold, made.folds.records(fold), tta="flips")
    fit = "ensemble fit --method uniform --min-pixels none --tta flips"
    code, error = said(fit, runs=tmp_path / "mixed")
    assert code == 0
    assert "note: m0: no runs here, so used with the views that there are" in error
    views = json.loads((tmp_path / "mixed" / "ensembles" / "default" / "ensemble.json").read_text())["members"]
    assert {one["name"]: one["tta"] for one in views} == {"m0": "none", "m1": "flips"}
    assert said(fit)[0] == 1  # no member has them


def test_members_of_ones_own_are_listed_with_a_mark(said, capsys, made):
    assert run(["zoo", "list", "--filter", "m0", "--data", str(made.data), "--runs", str(made.runs)]) == 0
    told = capsys.readouterr().out
    assert "m0 +" in told
    assert "+ trained from a file or imported here" in told


def test_a_pipe_gets_neither_colours_nor_a_bar(made):
    command = [Path(sys.executable).with_name("cli"), "zoo", "list", "--runs", str(made.runs)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
