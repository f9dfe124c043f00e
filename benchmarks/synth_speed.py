"""Synthetic records per second: generated, generated and written, and merely written.

python -m benchmarks.synth_speed [--records 60] [--jobs 2] [--folder DIR]
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.data.synth import make_scenes
from zoo.data.synth.scene import ScenePlan, make_scene


def making(count: int) -> float:
    """CPU seconds per record of one process, without writing."""
    start = time.process_time()
    for index in range(count):
        for _ in make_scene(ScenePlan(seed=1, split="train", index=index)).bands():
            pass
    return (time.process_time() - start) / count


def writing(folder: Path, count: int) -> float:
    """Seconds per record of one process to write nine arrays of its size."""
    band = np.zeros((256, 256, 8), np.float32)
    start = time.perf_counter()
    for index in range(count):
        for number in range(9):
            np.save(folder / f"{index}-{number}.npy", band)
    return (time.perf_counter() - start) / count


def whole(folder: Path, count: int, jobs: int) -> float:
    """Records per second of the whole, including process start."""
    start = time.perf_counter()
    make_scenes(folder, train=count, validation=0, test=0, seed=1, jobs=jobs)
    return count / (time.perf_counter() - start)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder is made in it")
    given = parser.parse_args(argv)
    few = min(12, given.records)
    making(1)  # warm up
    print(f"making:  {1000 * making(few):.0f} ms of one processor a record")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        print(f"writing: {1000 * writing(Path(folder), few):.0f} ms a record")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rate = whole(Path(folder), given.records, given.jobs)
        print(f"whole:   {rate:.1f} records/s with {given.jobs} processes, {given.records} records")


if __name__ == "__main__":
    main()
