"""`cli report`."""

import json
import subprocess
import sys

from cli.app import run
from tests.ensemble.runs import fake_runs


def test_the_report_is_written_with_the_commands_of_this_call(tmp_path, monkeypatch, capsys):
    made = fake_runs(tmp_path, records=6, noise=(1.0,))
    monkeypatch.chdir(tmp_path)
    words = ["--data", "data", "--runs", "runs", "--jobs", "1"]
    assert run(["report", *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("wrote report.html: 0.")
    assert "without ensemble: no ensemble is fitted yet" in out
    page = (tmp_path / "report.html").read_text()
    assert "cli ensemble fit --data data --runs runs<" in page
    assert run(["report", "--out", "other.html", "--json", "--runs", str(made.runs)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == "other.html" and "records" in document["missing"]


def test_a_folder_that_is_not_there_is_said_before_anything_is_read(tmp_path, capsys):
    assert run(["report", "--out", str(tmp_path / "no" / "report.html"), "--runs", str(tmp_path)]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert run(["report", "--out", str(tmp_path)]) == 2


def test_importing_the_report_loads_no_template_engine():
    probe = "import pipeline.report, webpage, sys; sys.exit(bool({'jinja2', 'PIL', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0
