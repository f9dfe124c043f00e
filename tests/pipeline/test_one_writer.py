"""File, ledger and leaderboard agree, whoever writes them at the same time."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.files import sha256_of_file
from core.locks import Claimed
from ensemble import Ensemble
from pipeline.leaderboard import leaderboard
from pipeline.leaderboard_rows import keep, read_kept
from pipeline.submission import submit
from submissions import read_ledger
from tests.ensemble.runs import fake_runs
from tests.forks import REFUSED, Holding, at_once
from tests.pipeline.conftest import Submit
from tests.tiny_runs import Tiny
from zoo.data import open_scenes
from zoo.runs import Store


def test_of_submits_of_one_file_at_once_file_and_ledger_name_the_same(
    tiny: Tiny, submit_from: Submit, runs: Path, tmp_path: Path
) -> None:
    store, out = Store(runs), tmp_path / "s.csv"
    submit_from(runs, tmp_path / "first.csv")  # the maps are predicted
    store.ledger.unlink()
    fitted = Ensemble.load(store.ensemble("default"))
    ensembles = [replace(fitted, name=f"e{k}", k=k) for k in range(1, 5)]
    scenes = open_scenes([tiny.data])
    codes = at_once([lambda each=each: submit(store, each, out, scenes, force=True) for each in ensembles])
    entries = read_ledger(store.ledger).entries
    assert set(codes) <= {0, REFUSED} and len(entries) == codes.count(0) >= 1
    assert {entry.sent.ensemble for entry in entries} == {f"e{k}" for k, code in enumerate(codes, 1) if code == 0}
    assert entries[-1].sent.sha256 == sha256_of_file(out)
    assert not list(tmp_path.glob(".*"))


def test_a_submit_is_refused_before_it_predicts(submit_from: Submit, runs: Path, tmp_path: Path) -> None:
    other = Holding(tmp_path / "s.csv")
    with pytest.raises(Claimed, match=f"s.csv: is being written by .*process {other.process} "):
        submit_from(runs, tmp_path / "s.csv")
    assert not list(runs.glob("predictions/*/*/test"))
    other.kill()
    submit_from(runs, tmp_path / "s.csv")


def test_leaderboards_that_are_kept_at_once_lose_no_row(tmp_path: Path) -> None:
    made = fake_runs(tmp_path, records=18)
    store = Store(made.runs)
    rows = leaderboard(store, open_scenes([made.data])).rows
    store.leaderboard.unlink()
    assert at_once([lambda row=row: keep(store, [row]) for row in rows]) == [0] * len(rows)
    assert {row.digest: row for row in rows} == read_kept(store)
