"""Speed of feeding ash colours of t5, 256 px, from a packed folder, against np.load per item and against memcpy.

    python -m benchmarks.feeding --data DIR [--copies 32] [--json FILE]

DIR holds records in the competition's layout. They are packed, each so many times that the packed folder is larger than
the processor's caches. Per side: records a second of wall time with the files dropped from the page cache; records and
bytes a second of processor time from it. The other side is what notebooks do: a Dataset whose item is three np.load,
the ash colours and the mask, in a torch DataLoader with two workers, which have started before. Both give batches of 32
in a drawn order; the packed side gives colours as uint8 and masks as bool, which are scaled on the device, or
("float32") on the processor. Sides in turns, medians of five.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.data import Record, Scenes, open_scenes
from zoo.data.ash import ASH_BANDS, ash_image
from zoo.members import load_member
from zoo.runtime.devices import set_threads
from zoo.runtime.stored import as_images
from zoo.training.dataset import RecordDataset
from zoo.workflows.pack import pack_scenes

BATCH, REPEATS, WORKERS = 32, 5, 2
PASSES = 5  # over the .npy files, from the page cache
SECONDS = 1.0  # of the packed side, at least
MEMCPY = 256 << 20  # bytes, more than any cache holds


class Rate(NamedTuple):
    """Records a second of wall time, and records and bytes a second of processor time."""

    wall: float
    processor: float
    bytes: float


class Notebook(Dataset[tuple[Tensor, Tensor]]):
    """Records as notebooks read them."""

    def __init__(self, scenes: Scenes, records: Sequence[Record]) -> None:
        self.folders = [scenes.source(record).path(record) for record in records]

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        folder = self.folders[number]
        kelvin = np.stack([np.load(folder / f"band_{band:02d}.npy")[..., 4] for band in ASH_BANDS])
        mask = np.load(folder / "human_pixel_masks.npy")[..., 0]
        return torch.from_numpy(ash_image(kelvin)), torch.from_numpy(mask).float()


def copies_of(scenes: Scenes, records: Sequence[Record], copies: int, folder: Path) -> None:
    """Link the records under further ids."""
    for number in range(copies):
        for record in records:
            source = scenes.source(record).path(record)
            shutil.copytree(source, folder / "train" / f"{record.id}-{number}", copy_function=os.link)


def drop(folder: Path) -> None:
    """Drop all files of a folder from the page cache."""
    os.sync()
    for path in folder.rglob("*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def processor_seconds() -> float:
    """Processor seconds of this process and of the workers that it has now, to 10 ms."""
    ticks = 0
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def rate(batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> Rate:
    """Rate of all batches that are given."""
    wall, processor, records, size = time.perf_counter(), processor_seconds(), 0, 0
    for images, labels in batches():
        records += len(images)
        size += images.nbytes + labels.nbytes
    spent = max(processor_seconds() - processor, 0.01)
    return Rate(records / (time.perf_counter() - wall), records / spent, size / spent)


def memcpy() -> float:
    """Bytes a second of processor time that numpy copies from one large array to another."""
    source, target = np.ones(MEMCPY, np.uint8), np.ones(MEMCPY, np.uint8)
    start = time.process_time()
    for _ in range(4):
        np.copyto(target, source)
    return 4 * MEMCPY / (time.process_time() - start)


def measure(raw: Scenes, records: Sequence[Record], packed: Path) -> dict[str, Any]:
    """Medians of all sides, and their ratios."""
    rng, recipe = np.random.default_rng(0), load_member("lite0-fc-t5")
    notebook = Notebook(raw, records)
    loader = DataLoader(notebook, BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True)
    list(loader)
    set_threads(1)  # after the workers of the other side have started, as in the product

    def loaded(passes: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(passes):
            yield from loader

    def fed(scale: bool = False, dataset: RecordDataset | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        read = dataset or open_dataset()
        order = rng.permutation(len(read))
        parts = [order[start : start + BATCH].tolist() for start in range(0, len(order), BATCH)]
        with read.batches(parts) as batches:
            for images, labels in batches:
                yield (as_images(images), labels.float()) if scale else (images, labels)

    def open_dataset() -> RecordDataset:
        scenes = open_scenes(packed)
        return RecordDataset(recipe, scenes, scenes.labelled)

    opened = open_dataset()

    def again(scale: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
        start = time.perf_counter()
        while True:
            yield from fed(scale, opened)
            if time.perf_counter() - start > SECONDS:
                return

    found: dict[str, list[Any]] = {}
    for _ in range(REPEATS):
        for folder in {path.parent for path in notebook.folders}:
            drop(folder)
        found.setdefault("npy cold", []).append(rate(loaded))
        found.setdefault("npy warm", []).append(rate(lambda: loaded(PASSES)))
        drop(packed)
        found.setdefault("packed cold", []).append(rate(fed))
        rate(lambda: fed(False, opened))  # maps the pages
        found.setdefault("packed warm", []).append(rate(again))
        found.setdefault("packed warm, float32", []).append(rate(lambda: again(True)))
        found.setdefault("memcpy", []).append(Rate(0, 0, memcpy()))
    rates = {name: Rate(*map(median, zip(*each))) for name, each in found.items()}
    warm = rates["packed warm"]
    ratios = {
        "cold, wall": rates["packed cold"].wall / rates["npy cold"].wall,
        "warm, wall": warm.wall / rates["npy warm"].wall,
        "warm, processor": warm.processor / rates["npy warm"].processor,
        "warm float32, processor": rates["packed warm, float32"].processor / rates["npy warm"].processor,
        "warm, share of memcpy": warm.bytes / rates["memcpy"].bytes,
    }
    return {"rates": {name: each._asdict() for name, each in rates.items()}, "ratios": ratios}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=32)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    raw = open_scenes(args.data)
    records = [record for record in raw.labelled if not record.clipped]
    with tempfile.TemporaryDirectory(dir=args.data.parent) as folder:
        linked, packed = Path(folder) / "linked", Path(folder) / "packed"
        copies_of(raw, records, args.copies, linked)
        size = pack_scenes([linked], packed, inputs=["fc"]).bytes
        figures = measure(raw, records, packed) | {"records": len(records), "copies": args.copies, "packed": size}
    print(f"{len(records)} records as .npy, {len(records) * args.copies} packed in {size / 1e6:.0f} MB")
    for name, each in figures["rates"].items():
        rates = f"{each['wall']:9.0f} records/s, a processor s: {each['processor']:9.0f} records"
        print(f"{name:24s} {rates} {each['bytes'] / 1e9:6.2f} GB")
    for name, ratio in figures["ratios"].items():
        print(f"{name:24s} {ratio:9.2f}x")
    if args.json:
        args.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
