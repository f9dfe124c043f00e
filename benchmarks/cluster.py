"""Training on a Dask cluster of two workers on this machine against one process: processor seconds, and the same bytes.

    python -m benchmarks.cluster [--records 48] [--epochs 4] [--repeats 1] [--json FILE]

Both train all folds of one member on synthetic scenes, with one thread, after a first run that loads what they need.
The cluster's seconds are those of its workers, its scheduler and the client; it has the settings of docs/machines.md.
Then it trains once more, and one worker is killed after the first epoch that it reports. Idle: the share of a processor
that the cluster takes while nothing is done.
"""

import argparse
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from core.command import Command
from core.listener import SILENT, Listener, Silent
from zoo.data import make_folds, open_scenes
from zoo.data.synth import make_scenes
from zoo.members import load_member, with_settings
from zoo.runs import Store
from zoo.workflows.train import train

MEMBER = "lite0-fc-t5"
CHANGES: dict[str, Any] = {"size": 128, "crop": 0, "batch": 8}
FOLDS = 4
IDLE = 10.0  # seconds
QUIET = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}


@contextmanager
def started() -> Iterator[str]:
    """Address of a scheduler in this process with two workers of their own."""
    import dask
    from distributed import LocalCluster

    dask.config.set(QUIET)
    with LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=None, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@dataclass
class Kills(Silent):
    """Listener that kills a worker when it first hears of an epoch."""

    processes: Sequence[int]
    killed: list[int] = field(default_factory=list)

    def info(self, text: str, do: Command | None = None) -> None:
        if not self.killed and ": epoch 1/" in text:
            self.killed.append(self.processes[0])
            os.kill(self.processes[0], signal.SIGKILL)


def contents(root: Path) -> dict[str, bytes]:
    """Weights and predictions under a runs folder."""
    kept = (path for path in root.rglob("*") if path.suffix in (".safetensors", ".zst"))
    return {str(path.relative_to(root)): path.read_bytes() for path in kept}


def measure(folder: Path, address: str, records: int, epochs: int, repeats: int) -> dict[str, Any]:
    """Figures of both sides; see the module."""
    from distributed import Client

    make_scenes(folder / "scenes", train=records, validation=0, test=0)
    scenes = open_scenes(folder / "scenes")
    recipe, folds = with_settings(load_member(MEMBER), CHANGES | {"epochs": epochs}), make_folds(scenes, FOLDS)

    def trains(name: str, on: str | None = None, listener: Listener = SILENT, **how: Any) -> Path:
        train(recipe, scenes, Store(folder / name), folds=folds, device="cpu", jobs=1, on=on, listener=listener, **how)
        return folder / name

    with Client(address, set_as_default=False) as client:

        def cluster_seconds() -> float:
            return time.process_time() + sum(client.run(time.process_time).values())

        def spent(work: Callable[[], Path], clock: Callable[[], float]) -> tuple[float, float, Path]:
            wall, cpu = time.perf_counter(), clock()
            made = work()
            return clock() - cpu, time.perf_counter() - wall, made

        trains("warm", epochs=1)
        client.run(_warm_up, folder)
        rows: list[dict[str, Any]] = []
        for number in range(repeats):
            one = spent(partial(trains, f"one-{number}"), time.process_time)
            two = spent(partial(trains, f"two-{number}", address), cluster_seconds)
            rows.append({"one": one[:2], "two": two[:2], "same_bytes": contents(one[2]) == contents(two[2])})
        before = cluster_seconds()
        time.sleep(IDLE)
        idle = (cluster_seconds() - before) / IDLE
        kills = Kills(list(client.run(os.getpid).values()))
        killed = trains("killed", address, kills)
    cpu = [row["two"][0] / row["one"][0] - 1 for row in rows]
    return {
        "rows": rows,
        "overhead": statistics.median(cpu),
        "idle": idle,
        "same_bytes": all(row["same_bytes"] for row in rows),
        "killed": len(kills.killed),
        "same_bytes_after_kill": contents(killed) == contents(folder / "one-0"),
    }


def _warm_up(folder: Path) -> None:
    """Train a run on a worker, so that everything is loaded."""
    scenes, root = open_scenes(folder / "scenes"), folder / f"warm-{os.getpid()}"
    recipe = with_settings(load_member(MEMBER), CHANGES)
    train(recipe, scenes, Store(root), folds=make_folds(scenes, FOLDS), fold="0", device="cpu", jobs=1, epochs=1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, started() as address:
        figures = measure(Path(folder), address, given.records, given.epochs, given.repeats)
    for row in figures["rows"]:
        for name, (cpu, wall) in (("one process", row["one"]), ("two workers", row["two"])):
            print(f"{name}: {cpu:.1f} processor seconds, {wall:.1f} s")
    print(f"overhead {figures['overhead']:+.1%}, same bytes: {figures['same_bytes']}")
    print(f"idle: {figures['idle']:.3f} of a processor")
    print(f"{figures['killed']} worker killed, same bytes: {figures['same_bytes_after_kill']}")
    if given.json:
        given.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
