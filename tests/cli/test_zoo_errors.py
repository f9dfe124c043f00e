"""`cli zoo errors`, on real scenes and on synthetic maps."""

import csv
import json
import shutil
from pathlib import Path

from cli.app import run
from tests.ensemble.runs import fake_runs

KEPT = Path(__file__).parents[1] / "fixtures" / "real_runs"


def test_the_real_member_loses_what_the_docs_say_and_labelers_are_ahead_of_it(
    real_scenes, tmp_path, monkeypatch, capsys
):
    shutil.copytree(KEPT, tmp_path / "runs")
    monkeypatch.setenv("COLUMNS", "80")
    words = ["--data", str(real_scenes), "--data", str(real_scenes / "ash_color"), "--runs", str(tmp_path / "runs")]
    words += ["--csv", str(tmp_path / "records.csv"), "--out", str(tmp_path / "worst"), "--worst", "1", "--jobs", "1"]
    assert run(["zoo", "errors", "lite0-fc-t5", *words]) == 0
    told = capsys.readouterr().out
    lines = told.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "lite0-fc-t5@b47fe669d0f6: cross-fitted Dice 0.5103 [0.4800, 0.5406]"
    assert "missed, 1 px from the prediction    13,032    14%  12% to 17%         0.608" in told
    assert "0 px      0.682  0.55 to 0.79       0.525  0.37 to 0.67  0.157  0.11 to 0.21" in told
    assert [path.name for path in (tmp_path / "worst").iterdir()] == ["positive_062.png"]
    with (tmp_path / "records.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[0]["record_id"], rows[0]["loss"]) == (211, "positive_062", "6706")


def test_without_labelers_and_bands_the_document_says_that_they_are_not_known(tmp_path, capsys):
    made = fake_runs(tmp_path, records=6, noise=(1.0,))
    words = ["--data", str(made.data), "--runs", str(made.runs), "--jobs", "1"]
    assert run(["zoo", "errors", "m0", *words, "--json", "--worst", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["labelers"] is None
    assert {row["by"] for row in document["strata"]} == {"split", "largest_contrail", "contrails"}
    assert len(document["worst"]) == 2
    assert run(["zoo", "errors", "m0", *words]) == 0
    assert "labeler" not in capsys.readouterr().out
    assert run(["zoo", "errors", "m00", *words]) == 2
    assert 'did you mean "m0"?' in capsys.readouterr().err
