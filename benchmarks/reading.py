"""Speed of reading batches, on demand and prefetched by threads; nothing is kept in memory.

    python -m benchmarks.reading --data DIR [--data DIR] [--threads N] [--records 148] [--json FILE]

Per input: records a second for a consumer that takes no time, from the page cache and from the disk; how long one that
takes 20 or 100 ms a batch without the processors, as one with a GPU does, waits for each; what training steps that want
all processors cost, reading included. Both ways in turns, best of three.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor

from zoo.data import Scenes, open_scenes
from zoo.data.records import BANDS
from zoo.inputs import fit_scaling
from zoo.members import Recipe, load_member, with_settings
from zoo.runtime.prefetch import prefetch_threads
from zoo.training import dataset
from zoo.training.step import TrainStep

BATCH, REPEATS, STEPS = 8, 3, 4
INPUTS = {"fc t5": ("fc", [5]), "fc t456": ("fc", [4, 5, 6]), "all_bands t5": ("all_bands_mean_std", [5])}
Use = Callable[[Tensor, Tensor], object]
Batches = Iterator[tuple[Tensor, Tensor]]
Way = Callable[[dataset.RecordDataset, Sequence[list[int]]], AbstractContextManager[Batches]]
WAYS: dict[str, Way] = {
    "asked": lambda read, parts: nullcontext(read.batch(part) for part in parts),
    "ahead": lambda read, parts: read.batches(parts),
}


class Row(NamedTuple):
    """A figure of both ways, and the improvement by prefetching."""

    what: str
    unit: str
    asked: float
    ahead: float
    ratio: float


def forget(read: dataset.RecordDataset) -> None:
    """Drop the files of these records from the page cache."""
    for record in read.records:
        for path in sorted(read.scenes.source(record).path(record).glob("*.npy")):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds(
    read: dataset.RecordDataset,
    parts: Sequence[list[int]],
    cold: bool,
    use: Use,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Seconds that each way takes for these batches."""
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(REPEATS):
        for name, way in WAYS.items():
            if cold:
                os.sync()
                forget(read)
            start = clock()
            with way(read, parts) as batches:
                for images, labels in batches:
                    use(images, labels)
            best[name] = min(best[name], clock() - start)
    return best


def measure(scenes: Scenes, records: int) -> Iterator[Row]:
    """A row for each figure of each input, on the labelled records that hold all bands."""
    held = [record for record in scenes.labelled if len(scenes.source(record).bands(record)) == len(BANDS)]
    once, parts = (_batches(list(numbers)) for numbers in (range(len(held)), islice(cycle(range(len(held))), records)))
    for name, (channels, frames) in INPUTS.items():
        recipe = with_settings(load_member("lite0-fc-t5"), {"input": channels, "frames": frames, "batch": BATCH})
        scaling = fit_scaling(scenes, held[:4], channels, frames)
        read = dataset.RecordDataset(recipe, scenes, held, scaling=scaling)
        for cold, batches, where in ((False, parts, "cached"), (True, once, "disk")):
            took = seconds(read, batches, cold, lambda images, labels: None)
            rates = {way: sum(map(len, batches)) / took[way] for way in WAYS}
            yield Row(f"{name}, {where}", "records/s", **rates, ratio=took["asked"] / took["ahead"])
        for pause in (20, 100):
            took = seconds(read, parts, False, _sleep(pause / 1000))
            waits = {way: 1000 * took[way] / len(parts) - pause for way in WAYS}
            ratio = waits["asked"] / max(waits["ahead"], 0.1)
            yield Row(f"{name}, waits at {pause} ms", "ms a batch", **waits, ratio=ratio)
        took = seconds(read, parts[:STEPS], False, _step(recipe), time.process_time)  # the clock's depends on others
        yield Row(f"{name}, {STEPS} steps of lite0", "processor s", **took, ratio=took["asked"] / took["ahead"])


def _batches(numbers: list[int]) -> list[list[int]]:
    return [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]


def _sleep(pause: float) -> Use:
    return lambda images, labels: time.sleep(pause)


def _step(recipe: Recipe) -> Use:
    """A training step on crops of 128 pixels."""
    train_step = TrainStep(recipe, torch.device("cpu"), "none")
    train_step.begin_epoch(0)

    def step(images: Tensor, labels: Tensor) -> None:
        train_step.backward(images[..., :128, :128].contiguous(), labels[..., :128, :128].contiguous())
        train_step.update(1e-4, 0)

    return step


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--records", type=int, default=148)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    print(f"{args.threads} threads compute, {prefetch_threads()} read; batches of {BATCH}")
    rows = []
    # No memory is ever as free: nothing is kept.
    with patch.object(dataset, "LEFT_FREE", 2.0):
        for row in measure(open_scenes(args.data), args.records):
            rows.append(row._asdict())
            print(f"{row.what:32s} {row.asked:8.1f} {row.ahead:8.1f} {row.unit:14s} {row.ratio:5.2f}x", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, "reading": prefetch_threads(), "rows": rows}))


if __name__ == "__main__":
    main()
