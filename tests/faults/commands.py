"""Commands that write, with the folder that each starts from, and what they leave behind as bytes that compare."""

import contextlib
import io
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.app import run
from tests.ensemble.runs import FakeRuns, fake_runs
from tests.faults.shim import Shim
from tests.forks import exit_code, forked
from tests.scenes import write_record
from zoo.predictions import PredictionWriter, Provenance, set_folder
from zoo.runs import Store

MEASURED = ("seconds", "cpu_seconds", "seconds_per_record", "digest", "sha256", "samples_per_second")
NOW = "2026-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Command:
    """Command line below a folder {root}, which reads {data}; `points`: faults in the short form."""

    line: str
    points: int


COMMANDS = {
    "data folds": Command("data folds --folds 2 --data {data} --runs {root}/new", 30),
    "data folds --force": Command("data folds --folds 2 --data {data} --runs {root}/runs --force", 30),
    "data synth": Command("data synth {root}/synth --train 1 --validation 0 --test 0 --jobs 1", 6),
    "log --import": Command("submissions log --import {data}/../past.csv --runs {root}/runs", 48),
    "log --public": Command("submissions log --entry 1 --public 0.61 --runs {root}/runs", 24),
    "sign": Command("sign {root}/edited/ensembles/default/ensemble.json --runs {root}/edited", 30),
    "import": Command("zoo import ext --oof {data}/../maps --runs {root}/runs", 45),
    "leaderboard": Command("zoo leaderboard --data {data} --runs {root}/runs", 15),
    "fit": Command("ensemble fit --data {data} --runs {root}/runs --members m0,m1 --name other", 4),
    "submit": Command("submit --out {root}/s.csv --data {data} --runs {root}/runs", 36),
    "submit --force": Command("submit --out {root}/old.csv --data {data} --runs {root}/runs --force", 24),
    "submit --format npy": Command("submit --out {root}/npy --format npy --data {data} --runs {root}/runs", 36),
    "submit --format npy --force": Command(
        "submit --out {root}/was --format npy --force --data {data} --runs {root}/runs", 24
    ),
}
TEST_IDS = ("1000000000000000001", "1000000000000000002")


def template(folder: Path) -> None:
    """Make data/, and the folder root/ that every command starts from: predictions, an ensemble, a ledger, outputs."""
    made = fake_runs(folder, records=4, folds=2, noise=(1.0, 1.2))
    for record_id in TEST_IDS:
        write_record(folder / "data", "test", record_id)
    for record_id in made.case.ids:
        write_record(folder / "synthless", "train", record_id)  # bands, so that folds can be made
        for path in (folder / "synthless" / "train" / record_id).glob("band_*.npy"):
            path.rename(folder / "data" / "train" / record_id / path.name)
    shutil.rmtree(folder / "synthless")
    for member in made.case.members:
        write_test_set(made, member)
    root = folder / "root"
    root.mkdir()
    made.runs.rename(root / "runs")
    for line in (
        "ensemble fit --data {data} --runs {root}/runs",
        "submit --out {root}/old.csv --data {data} --runs {root}/runs",
        "submit --out {root}/was --format npy --data {data} --runs {root}/runs",
    ):
        assert call(line, root)[0] == 0
    (root / "old.csv").write_text("record_id,encoded_pixels\n1,-\n")
    (folder / "past.csv").write_text("name,local,public\nfirst,0.60,0.61\nsecond,0.62,0.63\n")
    edited = root / "edited" / "ensembles" / "default" / "ensemble.json"
    edited.parent.mkdir(parents=True)
    fitted = json.loads((root / "runs" / "ensembles" / "default" / "ensemble.json").read_text())
    edited.write_text(json.dumps(fitted | {"method": "by hand"}))
    (folder / "maps").mkdir()
    for record_id, maps in zip(made.case.ids, made.case.maps[0]):
        np.save(folder / "maps" / f"{record_id}.npy", maps)


def write_test_set(made: FakeRuns, member: str) -> None:
    """Maps of the test records: those of the first labelled ones."""
    for fold in range(2):
        provenance = Provenance(
            member=member, recipe="abc123", split="test", fold=str(fold), folds_sha256=made.folds.sha256,
            checkpoint_sha256="0" * 64, code="0", seconds_per_record=0.05,
        )  # fmt: skip
        with PredictionWriter(set_folder(Store(made.runs), provenance), provenance, TEST_IDS) as writer:
            for row, record_id in enumerate(TEST_IDS):
                writer.add(record_id, made.maps[member][row])


def copy(folder: Path, target: Path) -> Path:
    """Copy of the template's root, with its data beside it; files are links, but for those written in place."""
    shutil.copytree(folder / "root", target, copy_function=os.link)
    data = target.with_name("data")
    if not data.exists():
        for name in ("data", "maps", "past.csv"):
            target.with_name(name).symlink_to(folder / name)
    for path in target.rglob("submissions.jsonl"):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    return target


def call(line: str, root: Path) -> tuple[int, str]:
    """Exit code of a command line, and its lines on stderr."""
    line, errors = line.format(root=root, data=root.with_name("data")), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr("submissions.ledger._now", lambda: NOW)
        with contextlib.redirect_stderr(errors):
            code = run(line.split())
    return code, errors.getvalue()


def disturbed(line: str, root: Path, at: int, kind: str) -> tuple[int, str]:
    """Call a command with a fault at a write point; a kill gives minus the signal."""
    if kind != "SIGKILL":
        with Shim(root, at, kind).active():
            return call(line, root)

    def die() -> None:
        with Shim(root, at, kind).active():
            call(line, root)

    return exit_code(forked(die)), ""


def content(root: Path) -> dict[str, Any]:
    """Every file below a folder, hidden ones too, without what is measured; folders count as well."""
    return {
        path.relative_to(root).as_posix(): _content(path, str(root)) if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def _content(path: Path, root: str) -> Any:
    data = path.read_bytes()
    if path.suffix in (".json", ".jsonl"):
        text = data.decode().replace(root, "ROOT")
        lines = [text] if path.suffix == ".json" else text.splitlines()
        return [_unmeasured(json.loads(line)) for line in lines]
    return data


def _unmeasured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmeasured(entry) for key, entry in value.items() if key not in MEASURED}
    return [_unmeasured(entry) for entry in value] if isinstance(value, list) else value
