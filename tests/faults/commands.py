"""Commands that write, with the folder that each starts from, and what they leave behind as bytes that compare."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.shared_folder import MEMBER
from cli.app import interrupt_again, run
from tests.ensemble.runs import FakeRuns, fake_runs
from tests.faults.shim import Shim
from tests.forks import exit_code, forked
from tests.scenes import write_record
from zoo.predictions import PredictionWriter, Provenance, set_folder
from zoo.runs import Store

MEASURED = ("seconds", "cpu_seconds", "seconds_per_record", "digest", "sha256", "samples_per_second", "when", "bytes")
NOW = "2026-01-01T00:00:00+00:00"
MADE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC")  # in a report
MINE = f"""{MEMBER}[tune]
lr = [1e-2, 3e-2]
"""


@dataclass(frozen=True)
class Command:
    """Command line below a folder {root}, which reads {data}."""

    line: str
    points: int  # faults in the short form; none: too slow for it
    cycles: int = 100  # series of kills in 2,000 of the long form
    trains: bool = False  # starts from runs that can predict, instead of imported predictions
    again: int = 0  # exit code of the same command after it is done


READS = "--data {data} --runs {root}/runs"
COMMANDS = {
    "data folds": Command("data folds --folds 2 --data {data} --runs {root}/new", 16),
    "data folds --force": Command(f"data folds --folds 2 {READS} --force", 16),
    "data synth": Command("data synth {root}/synth --train 1 --validation 0 --test 0 --jobs 1", 4),
    "data check": Command(f"data check {READS}", 14),
    "data stats": Command(f"data stats {READS} --csv {{root}}/stats.csv", 12),
    "data pack": Command(f"data pack {{root}}/packed lite0-fc-t5 {READS}", 16),
    "log --import": Command("submissions log --import {data}/../past.csv --runs {root}/runs", 34),
    "log --public": Command("submissions log --entry 1 --public 0.61 --runs {root}/runs", 24),
    "sign": Command("sign {root}/edited/ensembles/default/ensemble.json --runs {root}/edited", 24),
    "import": Command("zoo import ext --oof {data}/../maps --runs {root}/runs", 24),
    "remove": Command("zoo remove m1 --yes --runs {root}/runs", 20, again=2),
    "leaderboard": Command(f"zoo leaderboard {READS}", 12),
    "errors": Command(f"zoo errors m0 --worst 1 --csv {{root}}/errors.csv {READS}", 8),
    "fit": Command(f"ensemble fit {READS} --members m0,m1 --ensemble other", 3),
    "report": Command(f"report --out {{root}}/report.html {READS}", 0, cycles=40),
    "submit": Command(f"submit --out {{root}}/s.csv {READS}", 24),
    "submit --force": Command(f"submit --out {{root}}/old.csv {READS} --force", 16),
    "submit --format npy": Command(f"submit --out {{root}}/npy --format npy {READS}", 20),
    "submit --format npy --force": Command(f"submit --out {{root}}/was --format npy --force {READS}", 16),
    "train": Command(f"zoo train {{data}}/../mine.toml --set weight_decay=0.5 {READS}", 5, cycles=70, trains=True),
    "predict": Command(f"zoo predict mine --tta hflip {READS}", 4, cycles=70, trains=True),
    "predict, then submit": Command(f"submit --out {{root}}/s.csv {READS}", 4, cycles=70, trains=True),
    "pseudo": Command(f"zoo pseudo mine --frames 4 {READS}", 3, cycles=70, trains=True),
    "tune": Command(f"zoo tune {{data}}/../mine.toml --trials 2 {READS}", 3, cycles=40, trains=True),
    "export": Command(
        f"zoo export mine --fold 0 --format torchscript --records 1 --out {{root}}/mine.pt {READS}", 0, cycles=30,
        trains=True,
    ),
    "submit --kaggle": Command(f"submit --kaggle --out {{root}}/bundle.zip {READS}", 0, cycles=10, trains=True),
}  # fmt: skip
TEST_IDS = ("1000000000000000001", "1000000000000000002")


def template(folder: Path) -> None:
    """Make data/, and the folder root/ that commands start from: predictions, an ensemble, a ledger, outputs."""
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


def trained_template(folder: Path) -> None:
    """Make data/, and root/ with a member that is trained on two folds, and an ensemble of it."""
    for number in range(4):
        write_record(folder / "data", "train", str(100 + number), mask=600 * number)
    write_record(folder / "data", "test", TEST_IDS[0])
    (folder / "mine.toml").write_text(MINE)
    root = folder / "root"
    root.mkdir()
    for line in (
        f"data folds --folds 2 {READS}",
        f"zoo train {{data}}/../mine.toml {READS}",
        f"ensemble fit --members mine {READS}",
    ):
        code, errors = call(line, root)
        assert code == 0, errors


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
    for source in folder.iterdir():
        if source.name != "root" and not target.with_name(source.name).exists():
            target.with_name(source.name).symlink_to(source)
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
            code = run([*line.split(), *([] if "--jobs" in line or line.startswith("sign") else ["--jobs", "1"])])
    return code, errors.getvalue()


def disturbed(line: str, root: Path, at: int, kind: str) -> tuple[int, str]:
    """Call a command with a fault at a point; a kill gives minus the signal."""
    shim = Shim(root, at, kind).active()
    if kind == "SIGKILL":
        return in_child(line, root, shim)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as `cli.app.main` has it
    try:
        with shim:
            return call(line, root)
    finally:
        signal.signal(signal.SIGTERM, before)


def in_child(
    line: str,
    root: Path,
    fault: AbstractContextManager[object] | None = None,
    send: tuple[signal.Signals, float] | None = None,
) -> tuple[int, str]:
    """Call a command in a process of its own, as `call`; minus the signal where one ends it.

    fault: entered in that process. send: a signal, and the seconds after which it comes, wherever that is.
    """
    child = Child(line, root, fault)
    if send:
        time.sleep(send[1])
        os.kill(child.process, send[0])
    return child.end()


class Child:
    """Command that runs in a process of its own, begun by a fork."""

    def __init__(self, line: str, root: Path, fault: AbstractContextManager[object] | None = None) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115, closed by `end`
        handled = {signal.SIGTERM, signal.SIGINT}

        def work() -> None:
            code, errors = 130, ""
            with contextlib.suppress(KeyboardInterrupt):
                for number in handled:  # as `cli.app.main` and Python have it
                    signal.signal(number, signal.default_int_handler)
                sys.unraisablehook = interrupt_again
                signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)
                with fault or contextlib.nullcontext():
                    try:
                        code, errors = call(line, root)
                    except Exception:
                        code, errors = 1, traceback.format_exc()
                for number in handled:
                    signal.signal(number, signal.SIG_IGN)
            self._said.write(errors.encode())
            self._said.flush()
            os._exit(code)

        signal.pthread_sigmask(signal.SIG_BLOCK, handled)  # until the child has its handlers
        self.process = forked(work)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)

    def end(self) -> tuple[int, str]:
        """Wait for its end: exit code, or minus the signal that ended it, and its lines on stderr."""
        code = exit_code(self.process)
        with self._said as said:
            said.seek(0)
            return code, said.read().decode()


def content(root: Path) -> dict[str, Any]:
    """Every file below a folder, hidden ones too, without what is measured; folders count as well."""
    return {
        path.relative_to(root).as_posix(): _content(path, str(root)) if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def _content(path: Path, root: str) -> Any:
    if path.suffix == ".sqlite":
        from zoo.runs.trials import read_trials, trial_content

        return [trial_content(trial)[1:] for trial in read_trials(path)]  # a killed trial has a number, too
    data = path.read_bytes()
    if path.suffix in (".json", ".jsonl"):
        text = data.decode().replace(root, "ROOT")
        lines = [text] if path.suffix == ".json" else text.splitlines()
        return [_unmeasured(json.loads(line)) for line in lines]
    if path.suffix == ".pt":  # TorchScript numbers its classes by what the process has exported before
        with zipfile.ZipFile(path) as exported:
            return sorted(exported.read(name) for name in exported.namelist() if "/data/" in name)
    return MADE.sub(b"", data.replace(root.encode(), b"ROOT")) if path.suffix == ".html" else data


def _unmeasured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmeasured(entry) for key, entry in value.items() if key not in MEASURED}
    return [_unmeasured(entry) for entry in value] if isinstance(value, list) else value
