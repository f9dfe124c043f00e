"""Compile the loops of `ensemble.kernels`, once for an installation, in a process of its own.

In: a listener. Out: numba's files, from which later processes load the loops. A process that compiles hears no Ctrl-C
for seconds; this one only waits for the other, and can be interrupted at any time.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from core.listener import SILENT, Listener

LOOPS = (
    "histogram",
    "histograms",
    "pixels_above",
    "blend_bins",
    "sweep_images",
    "sweep_components",
    "count_images",
    "count_components",
)
COMPILE = "from ensemble.compiling import compile_all; compile_all()"


def ensure_compiled(listener: Listener = SILENT) -> None:
    """Compile the loops if numba has not kept them, and say so. What fails here is compiled at its first call."""
    if is_compiled():
        return
    listener.info("compiling the counting loops: once for this installation, up to half a minute")
    paths = os.pathsep.join(filter(None, sys.path))
    with suppress(OSError):
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", COMPILE],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a Ctrl-C reaches it, too, and has its line from this process
        )
        try:
            child.wait()
        finally:
            child.kill()
            child.wait()


def is_compiled() -> bool:
    """True if numba has kept every loop since its source was written."""
    from ensemble import kernels

    written = Path(kernels.__file__).stat().st_mtime
    folder = kernels.histogram.stats.cache_path or ""
    kept = {loop: Path(folder).glob(f"*.{loop}-*.nbi") for loop in LOOPS}
    return all(any(file.stat().st_mtime >= written for file in files) for files in kept.values())


def compile_all() -> None:
    """Call every loop as a fit calls it: on few pixels by one thread, and on enough for several."""
    from ensemble.active import find_active
    from ensemble.blend import table
    from ensemble.min_pixels import MIN_PIXELS, NONE
    from ensemble.surface import Cut, changes, curves, record_counts

    ids, shape = ["a", "b", "c", "d"], (4, 256, 256)
    maps = np.full((2, *shape), 100, np.uint8)
    active = find_active([(ids, maps, np.ones(shape, bool))], ["m", "n"], {"a": 0, "b": 0, "c": 0, "d": 1})
    weights, by = (1 << 15, 1 << 15), table("identity")
    for folds, jobs in (([0], 1), ([0, 1], 1), ([0, 1], 2)):  # the counts of several folds lie apart in memory
        curves(active, weights, by, folds, jobs)
    for mode in MIN_PIXELS.names():
        changes(active, weights, by, mode, [0])
        record_counts(active, weights, by, Cut(1, mode, 1))
    record_counts(active, weights, by, Cut(1, NONE))
