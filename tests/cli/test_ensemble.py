"""`cli ensemble` as its users meet it: tables, JSON, exit codes, one line on what is wrong."""

import json
import shutil
from pathlib import Path

import pytest

from cli.app import run
from cli.tables.ensemble import print_fit
from cli.tables.page import Page
from ensemble import Ensemble
from ensemble.min_pixels import MIN_PIXELS
from ensemble.weights import METHODS
from tests.ensemble.runs import FakeRuns, fake_runs, write_set

PLAIN = ("--method", "uniform", "--min-pixels", "none")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FakeRuns:
    return fake_runs(tmp_path_factory.mktemp("fake"), records=18, lacking=[("m2", 2)])


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> FakeRuns:
    """A good member and one that sees next to nothing."""
    return fake_runs(tmp_path_factory.mktemp("uneven"), records=15, noise=(0.8, 9.0))


def call(made: FakeRuns, *arguments: str) -> int:
    return run(["ensemble", *arguments, "--data", str(made.data), "--runs", str(made.runs), "--jobs", "1"])


def test_a_fit_is_shown_written_and_followed_by_the_next_command(made, capsys):
    costs = ("--cost", "m0=36", "--cost", "m1=36,m2=36", "--budget-hours", "9", "--budget-records", "100")
    assert call(made, "fit", *PLAIN, "--members", "m0,m1", "--members", "m2", *costs) == 0
    out, err = capsys.readouterr()
    assert "12 records in 12 scene groups (9.5 effective), 2 folds" in out
    for word in ("in-sample", "cross-fitted", "95 % interval", "equal weights", "best single", "m0", "m2"):
        assert word in out
    assert "100 records take 2.00 h of the 9 h that are allowed" in out
    assert "note: m2 lacks 6 of 18 records (6 of fold 2); fitted on the 12 records" in err
    assert "effective of 12 scene groups (by share of the pixels): no interval can be trusted" in err
    assert f"wrote {made.runs}/ensembles/default/ensemble.json and report.png beside it" in err
    assert "next: cli submit --out submission.csv --data" in err


def test_a_fit_and_the_file_hold_the_same_document(made, capsys):
    assert call(made, "fit", "--json", *PLAIN, "--name", "two") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == Ensemble.load(made.runs / "ensembles" / "two" / "ensemble.json").fitted
    assert "note: m2 predicted 2 of the 3 folds that others did; it is left out, --members takes it" in err
    assert "next:" not in err


def test_show_tells_what_was_fitted_and_where_it_comes_from(made, capsys):
    assert call(made, "fit", "--json", "--members", "m1", *PLAIN, "--name", "one") == 0
    capsys.readouterr()
    assert call(made, "show", "one") == 0
    out, err = capsys.readouterr()
    assert "method uniform" in out and "abc123" in out
    assert "effective of 18 scene groups (by share of the pixels): no interval can be trusted" in err
    assert call(made, "show", "one", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["records"] == 18
    assert document["members"][0]["weight"] == 65536


def test_a_better_member_is_next_and_not_the_submission(uneven, capsys):
    assert call(uneven, "fit", *PLAIN, "--name", "odd") == 0
    err = capsys.readouterr().err
    better = f"cli ensemble fit --members m0 --ensemble odd --data {uneven.data} --runs {uneven.runs}"
    assert f"run: {better}\n" in err
    assert f"next: {better}\n" in err
    assert "submit" not in err
    assert call(uneven, "show", "odd") == 0
    assert "run: cli ensemble fit --members m0 --ensemble odd" in capsys.readouterr().err


def test_the_next_submission_has_a_name_that_is_not_taken(uneven, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for taken in ("submission.csv", "submission-2.csv"):
        Path(taken).touch()
    assert call(uneven, "fit", *PLAIN, "--prune", "--name", "few") == 0
    assert "next: cli submit --out submission-3.csv --ensemble few" in capsys.readouterr().err


def test_pruning_and_the_weights_of_each_fold_are_shown(uneven, capsys):
    assert call(uneven, "fit", *PLAIN, "--prune", "--name", "few") == 0
    out, err = capsys.readouterr()
    assert "left out (folds in which the other folds left it out too): m1 (3 of 3)" in out
    assert "next: cli submit --out submission.csv --ensemble few" in err
    assert call(uneven, "show", "few") == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["without", "fold"])
    rows = [line.split() for line in lines[start : start + 7]]
    assert [row[0] for row in rows] == ["without", "Dice", "method", "threshold", "min-pixels", "m0", "m1"]
    assert (rows[5][1:], rows[6][1:]) == (["1.0000"] * 3, ["0.0000"] * 3)


def test_two_ensembles_are_compared(made, capsys):
    for name, members in (("a", "m0,m1"), ("b", "m0")):
        assert call(made, "fit", "--json", "--members", members, *PLAIN, "--name", name) == 0
    capsys.readouterr()
    assert call(made, "compare", "a", "a") == 2
    assert "a: is named twice; name two different ensembles" in capsys.readouterr().err
    assert call(made, "compare", "a", "b") == 0
    out = capsys.readouterr().out
    assert "a: cross-fitted Dice" in out
    assert "paired, on 18 records in 18 scene groups" in out
    assert any(verdict in out for verdict in ("the difference is within chance", "a is better", "b is better"))
    assert call(made, "compare", "a", "b", "--json") == 0
    assert json.loads(capsys.readouterr().out)["records"] == 18


WRONG = {
    "unknown member": (["fit", "--members", "m9"], 2, 'runs: no predicted member "m9"; did you mean "m2"?\n'),
    "nobody": (["fit", "--members", ","], 2, "names no member"),
    "unknown method": (["fit", "--method", "gredy"], 2, 'did you mean "greedy"'),
    "unknown mode": (["fit", "--min-pixels", "size"], 2, 'min-pixels mode "size"'),
    "unknown records": (["fit", "--on", "tests"], 2, "--on"),
    "a path as name": (["fit", "--name", "../x"], 2, "plain name"),
    "no such ensemble": (["show", "nobody"], 1, "there is no such ensemble"),
    "no such TTA": (["fit", "--tta", "d4", "--members", "m0"], 1, 'TTA "d4"'),
    "no ratios": (["fit", "--method", "ratios"], 2, "go together"),
    "costs of no form": (["fit", "--cost", "m0"], 2, "give MEMBER=SECONDS"),
    "costs without a budget": (["fit", "--cost", "m0=1"], 2, "give it, too"),
    "no data": (["fit", "--config", "nowhere.toml"], 2, "no such configuration file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(made, capsys, case):
    arguments, code, words = WRONG[case]
    assert call(made, *arguments) == code
    err = capsys.readouterr().err
    assert words in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_help_names_every_method_and_mode(capsys):
    assert run(["ensemble", "fit", "--help"]) == 0
    words = capsys.readouterr().out.replace(",", " ").replace(".", " ").split()
    assert {*METHODS.names(), *MIN_PIXELS.names(), "auto", "ratios", "none"} <= set(words)


def test_show_warns_of_runs_that_came_since_the_fit(tmp_path, capsys):
    made = fake_runs(tmp_path, records=9, noise=(1.0, 1.2), lacking=[("m1", 2)])
    assert call(made, "fit", "--members", "m1", *PLAIN, "-q") == 0
    capsys.readouterr()
    assert call(made, "show") == 0
    assert "not those of the fit" not in capsys.readouterr().err
    write_set(made, "m1", 2, made.folds.records(2))
    assert call(made, "show") == 0
    change = "m1: its predictions are not those of the fit: a run was added, removed or trained on; fit again; run: "
    assert change + "cli ensemble fit --members m1 --tta none" in capsys.readouterr().err
    shutil.rmtree(made.runs / "predictions")  # as on a machine that only predicts
    assert call(made, "show") == 0
    assert "not those of the fit" not in capsys.readouterr().err


def test_a_corrected_dice_of_few_groups_is_not_shown_and_a_negative_cost_is_explained(made, capsys):
    assert call(made, "fit", "--json", "--members", "m0,m1", *PLAIN, "--name", "few") == 0
    document = json.loads(capsys.readouterr().out)

    def printed(**changes):
        print_fit(Page(width=200), "few", document | changes)
        return capsys.readouterr().out

    assert document["effective_groups"] < 20
    assert "jackknife" not in printed()
    assert "(jackknife): 0." in printed(effective_groups=20.0)
    assert "a negative cost is chance" in printed(selection_cost=-0.001)
    assert "chance" not in printed(selection_cost=0.001)
