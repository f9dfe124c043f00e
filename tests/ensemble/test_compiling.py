"""The counting loops are compiled once, by a process that can be interrupted, and as a fit calls them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ensemble.compiling import ensure_compiled, is_compiled
from tests.ensemble.runs import fake_runs
from tests.heard import Heard

FIT = """
from ensemble import kernels
from ensemble.compiling import LOOPS, compile_all
import numpy as np

def versions():
    return {name: len(getattr(kernels, name).signatures) for name in LOOPS}

compile_all()
before = versions()
from ensemble import fit
rng = np.random.default_rng(1)
truth = rng.random((8, 256, 256)) < 0.1
maps = {name: np.clip(rng.random(truth.shape) + 0.3 * truth, 0, 1) for name in "ab"}
for jobs in (1, 2):
    fit(maps, truth, folds=np.arange(8) % 3, jobs=jobs)
assert all(before.values()) and versions() == before, (before, versions())
"""


def test_a_fit_needs_no_loop_that_was_not_compiled_before():
    subprocess.run([sys.executable, "-c", FIT], check=True)


def test_loops_that_are_kept_are_not_compiled_again(monkeypatch):
    ensure_compiled()
    monkeypatch.setattr(subprocess, "Popen", None)
    heard = Heard()
    ensure_compiled(heard)
    assert is_compiled()
    assert heard.infos == []


def _hears_ctrl_c() -> None:
    """Undo that a shell ignores SIGINT in what it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_while_loops_compile_is_one_line_at_once(tmp_path: Path):
    made = fake_runs(tmp_path, records=6, noise=(1.0,))
    command = [sys.executable, "-m", "cli", "ensemble", "fit", "--data", made.data, "--runs", made.runs]
    cold = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    with subprocess.Popen(command, env=cold, stderr=subprocess.PIPE, text=True, preexec_fn=_hears_ctrl_c) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("compiling the counting loops")
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        _, said = process.communicate()
    assert process.returncode == 130
    assert said.lstrip() == "error: interrupted; run the same command again to go on\n"
    assert time.monotonic() - sent < 5
