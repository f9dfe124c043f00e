"""`cli submit` as a user types it: options, the answer, the next step, exit codes."""

import json
from pathlib import Path

import pytest

from cli.app import run
from submissions.formats import FORMATS
from tests.tiny_runs import Tiny, tiny_runs


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return tiny_runs(tmp_path_factory.mktemp("tiny"))


def call(tiny: Tiny, out: Path, *more: object) -> int:
    given = ("submit", "--out", out, "--data", tiny.data, "--runs", tiny.runs, "--jobs", 1)
    return run([*map(str, (*given, *more))])


def test_the_answer_is_a_table_or_one_document(tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tiny, tmp_path / "s.csv") == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{tmp_path}/s.csv: 3 records, read back") and "the out-of-fold masks" in out
    assert err == f"next: cli submissions check {tmp_path}/s.csv --data {tiny.data} --runs {tiny.runs}\n"
    assert call(tiny, tmp_path / "npy", "--format", "npy", "--json") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["file"] == str(tmp_path / "npy") and document["rows"] == 3 and err == ""
    assert {"file", "sha256", "rows", "not_empty", "share", "oof", "labels", "warnings"} == set(document)


def test_a_bundle_is_a_line_or_one_document(tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tiny, tmp_path / "b.zip", "--kaggle") == 0
    out, err = capsys.readouterr()
    assert "MB: tiny-resnet, tiny-efficientnet" in out and "about 0.5 of 9 hours" in out
    assert err.endswith("%run /kaggle/input/b/notebook.py\n")
    assert call(tiny, tmp_path / "b.zip", "--kaggle", "--force", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["hours"] and err == ""


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--kaggle", "--split", "oof"), 2, "--kaggle"),
        (("--kaggle", "--format", "png"), 2, "--kaggle"),
        (("--kaggle", "--to", "kaggle"), 2, "--kaggle"),
        (("--to", "kaggle", "--format", "png"), 2, "--kaggle"),
        (("--format", "pgn"), 2, "pgn"),
        (("--ensemble", "none"), 1, "no such ensemble"),
    ],
)
def test_a_bad_call_gives_one_line(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, words: str
) -> None:
    assert call(tiny, tmp_path / "b.zip", *more) == code
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and words in err


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["submit", "--help"]) == 0
    assert f"[{'|'.join(FORMATS.names())}]" in "".join(capsys.readouterr().out.split())
