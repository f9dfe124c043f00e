"""Speed of packing against that of reading the same files from the disk.

    python -m benchmarks.packing --data DIR [--jobs 2] [--json FILE]

The band and mask files of the records are dropped from the page cache before each turn; "read" then reads them whole,
in order, on as many threads, and does nothing else. Bytes a second of wall time, and the processor seconds of packing;
sides in turns, medians of five. For ash colours of t5 and for nine bands of all frames. Half of the records are packed,
too: the difference is what a record more takes, without what a command takes by itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.feeding import drop
from core.listener import SILENT
from zoo.data import BANDS, FRAMES, Scenes, open_scenes
from zoo.data.ash import ASH_BANDS
from zoo.data.parallel import parallel_map
from zoo.workflows.pack import pack_scenes

REPEATS = 5
CASES = {"ash t5": ("fc", ASH_BANDS, (5,)), "nine bands": ("all_bands_mean_std", BANDS, tuple(range(1, FRAMES + 1)))}


def files_of(scenes: Scenes, bands: Sequence[int]) -> list[Path]:
    """Files that packing reads."""
    found: list[Path] = []
    for record in scenes.records:
        source = scenes.source(record)
        found += source.files(record, bands)
        found += [source.mask_path(record)] if source.has_mask(record) else []
        found += source.path(record).glob("human_individual*.npy")
    return found


def half_of(scenes: Scenes, folder: Path) -> Path:
    """Folder with links to every second record, and to the metadata."""
    (source,) = scenes.sources
    for record in scenes.records[::2]:
        place = folder / record.split / record.id
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source.path(record).absolute())
    for path in source.root.glob("*.json"):
        (folder / path.name).symlink_to(path.absolute())
    return folder


def read(path: Path) -> int:
    """Read a file and return its size."""
    buffer, size = bytearray(1 << 21), 0
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            size += count
    return size


def measure(data: Path, jobs: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Figures of each case."""
    scenes = open_scenes(data)
    half = half_of(scenes, folder / "half")
    kept = len(open_scenes(half).records)
    for name, (channels, bands, frames) in CASES.items():
        files = files_of(scenes, bands)
        size = sum(path.stat().st_size for path in files)

        def read_all(files: Sequence[Path] = files) -> None:
            list(parallel_map(read, files, jobs, SILENT, "read"))

        def pack(source: Path = data, channels: str = channels, frames: Sequence[int] = frames) -> None:
            shutil.rmtree(folder / "packed", ignore_errors=True)
            pack_scenes([source], folder / "packed", inputs=[channels], frames=frames, jobs=jobs)

        sides: dict[str, Callable[[], None]] = {"read": read_all, "pack": pack, "half": partial(pack, half)}
        found: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
        for _ in range(REPEATS):
            for side, work in sides.items():
                drop(data)
                found[side].append(seconds(work))
        wall, spent = ({side: median(times[k] for times in found[side]) for side in found} for k in (0, 1))
        yield {
            "case": name,
            "records": len(scenes.records),
            "bytes": size,
            "read": size / wall["read"],
            "pack": size / wall["pack"],
            "share": wall["read"] / wall["pack"],
            "processor_seconds": spent["pack"],
            "seconds_a_record": (slope := (spent["pack"] - spent["half"]) / (len(scenes.records) - kept)),
            "processor_bound": size / len(scenes.records) / slope * jobs,
        }


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds of wall time and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory(dir=args.data.parent) as folder:
        for row in measure(args.data, args.jobs, Path(folder)):
            rows.append(row)
            rates = f"read {row['read'] / 1e6:.0f} MB/s, pack {row['pack'] / 1e6:.0f} MB/s ({row['share']:.0%})"
            spent = 1000 * row["processor_seconds"] / row["records"]
            bound = f"{spent:.1f} processor ms a record, {1000 * row['seconds_a_record']:.1f} one more, "
            bound += f"enough for {row['processor_bound'] / 1e6:.0f} MB/s"
            print(f"{row['case']}: {row['records']} records, {rates}; {bound} on {args.jobs} cores", flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
