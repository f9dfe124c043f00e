"""What every test may ask for: the real scenes, unpacked once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# One thread a worker: two workers with two threads each would mostly wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Workers are told the width of a terminal that they do not have; tables would be folded to it.
os.environ.pop("COLUMNS", None)

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _unflushed() -> Iterator[None]:
    """No test cuts the power: nobody waits for the disk, but for the processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Calls that name no number of threads take one: OpenMP's threads do not survive a fork, where children hang."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.jobs.cpu_count", lambda: 1)
        yield


@pytest.fixture(scope="session")
def real_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real scenes in the competition's layout, with ash_color/ below: read only."""
    if not (SHARED / "unpack.py").is_file():
        pytest.skip(f"the real scenes are not at {SHARED}")
    # Parallel workers have temporary folders side by side: the first one unpacks for all.
    own = tmp_path_factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = base / "real_scenes"
    with FileLock(str(base / "real_scenes.lock")):
        if not (folder / ".complete").exists():
            command = [sys.executable, SHARED / "unpack.py", folder]
            subprocess.run(list(map(str, command)), check=True)
            (folder / ".complete").touch()
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(7)
