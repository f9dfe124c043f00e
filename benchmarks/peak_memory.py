"""Peak memory of predicting, packing and training with few and many records.

    python -m benchmarks.peak_memory [--of predict pack train] [--records 200 2000] [--max-ram 1] [--json FILE]

Each number of records is worked on by a process of its own, with one tiny member, from links to one synthetic scene:
memory depends on how many there are and not on what they show. Peak: the largest resident set of the process, all
libraries included. `pack` keeps ash colours of t5 on two threads and on eight; `train` holds half of the records out,
and takes one epoch without a limit and one with `max_ram` GB.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.data import Assignment, Folds, make_folds, open_scenes
from zoo.data.synth import make_scenes
from zoo.members import Recipe, load_member, with_settings
from zoo.runs import Store

TINY = {"encoder": "test_efficientnet", "weights": "none", "decoder_channels": [16, 16, 8, 8, 8], "size": 64}
TINY |= {"crop": 0, "batch": 8, "epochs": 1}
MEMBER = "lite0-fc-t5"


def recipe() -> Recipe:
    """Recipe of a tiny network."""
    return with_settings(load_member(MEMBER), TINY)


def prepare(folder: Path) -> None:
    """Make a few scenes and train a tiny network on them."""
    from zoo.workflows.train import train

    make_scenes(folder / "made", train=4, validation=0, test=1, jobs=1)
    scenes = open_scenes(folder / "made")
    train([recipe()], scenes, Store(folder / "runs"), folds=make_folds(scenes, 2), fold="full", jobs=1)


def link(folder: Path, split: str, records: int) -> Path:
    """Data of so many records, each a link to the same one."""
    data = folder / f"{split}-{records}"
    if not data.exists():
        (data / split).mkdir(parents=True)
        if split == "test":
            (data / "train").symlink_to(folder / "made" / "train")
        scene = next(path for path in (folder / "made" / split).iterdir() if path.is_dir())
        for number in range(records):
            (data / split / f"{number:06d}").symlink_to(scene)
    return data


def predict(folder: Path, records: int) -> None:
    """Predict so many test records."""
    from zoo.workflows.predict import predict as predict_members

    scenes = open_scenes(link(folder, "test", records))
    predict_members(MEMBER, scenes, Store(folder / "runs"), fold="full", split="test", device="cpu", jobs=1)


def pack(folder: Path, records: int, threads: int) -> None:
    """Pack so many records on so many threads."""
    from zoo.workflows.pack import pack_scenes

    with tempfile.TemporaryDirectory(dir=folder) as out:
        pack_scenes(link(folder, "train", records), Path(out) / "out", inputs=["fc"], jobs=threads)


def train(folder: Path, records: int, max_ram: float | None) -> None:
    """Train on half of so many records."""
    from zoo.workflows.train import train as train_members

    scenes = open_scenes(link(folder, "train", records))
    folds = Folds(tuple(Assignment(record.id, number % 2) for number, record in enumerate(scenes.labelled)))
    with tempfile.TemporaryDirectory(dir=folder) as runs:
        train_members([recipe()], scenes, Store(Path(runs)), folds=folds, fold="0", jobs=1, max_ram=max_ram)


def cases(asked: Sequence[str], records: Sequence[int], max_ram: float) -> Iterator[tuple[str, int, Any]]:
    """Work, number of records, and threads or limit."""
    options: dict[str, list[Any]] = {"predict": [None], "pack": [2, 8], "train": [None, max_ram]}
    yield from ((name, number, option) for name in asked for option in options[name] for number in records)


def measure(asked: Sequence[str], records: Sequence[int], max_ram: float) -> list[dict[str, Any]]:
    """Peak of each case."""
    rows = []
    with tempfile.TemporaryDirectory() as made:
        prepare(Path(made))
        for name, number, option in cases(asked, records, max_ram):
            case = json.dumps([made, name, number, option])
            command = [sys.executable, "-m", "benchmarks.peak_memory", "--child", case]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
            row = {"of": name, "option": option, "records": number, "peak_mb": float(done.stdout.split()[-1])}
            rows.append(row)
    return rows


def child(folder: str, name: str, records: int, option: Any) -> None:
    """Do the work and print the peak of this process, MB."""
    works: dict[str, Callable[..., None]] = {"predict": predict, "pack": pack, "train": train}
    works[name](Path(folder), records, *([] if name == "predict" else [option]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--of", nargs="+", choices=["predict", "pack", "train"], default=["predict", "pack", "train"])
    parser.add_argument("--records", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--max-ram", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.child:
        child(*json.loads(given.child))
        return
    rows = measure(given.of, given.records, given.max_ram)
    for row in rows:
        option = {"pack": f"{row['option']} threads", "train": f"max_ram {row['option']}"}.get(row["of"], "")
        print(f"{row['of']:8} {option:14} {row['records']:6} records {row['peak_mb']:8.0f} MB")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
