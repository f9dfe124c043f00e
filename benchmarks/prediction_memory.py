"""Peak memory of predicting few and many records: the same, to a few per cent.

    python -m benchmarks.prediction_memory [--records 200 2000] [--json FILE]

Each number of test records is predicted by a process of its own, with one tiny run, from links to one synthetic scene:
memory depends on how many there are and not on what they show. Peak: the largest resident set of the process, all
libraries included.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from zoo.data import make_folds, open_scenes
from zoo.data.synth import make_scenes
from zoo.members import load_member, with_settings
from zoo.runs import Store

TINY = {"encoder": "test_efficientnet", "weights": "none", "decoder_channels": [16, 16, 8, 8, 8], "size": 64}
TINY |= {"crop": 0, "batch": 2, "epochs": 1}
MEMBER = "lite0-fc-t5"


def prepare(folder: Path) -> None:
    """Make a few scenes and train a tiny network on them."""
    from zoo.workflows.train import train

    make_scenes(folder / "made", train=4, validation=0, test=1, jobs=1)
    scenes = open_scenes(folder / "made")
    recipe = with_settings(load_member(MEMBER), TINY)
    train([recipe], scenes, Store(folder / "runs"), folds=make_folds(scenes, 2), fold="full", jobs=1)


def link(folder: Path, records: int) -> Path:
    """Data of so many test records, each a link to the same one."""
    data = folder / f"data-{records}"
    (data / "test").mkdir(parents=True)
    (data / "train").symlink_to(folder / "made" / "train")
    (scene,) = (path for path in (folder / "made" / "test").iterdir() if path.is_dir())
    for number in range(records):
        (data / "test" / f"{number:06d}").symlink_to(scene)
    return data


def predict(folder: Path, data: Path) -> None:
    """Predict the test records and print the peak of this process, MB."""
    from zoo.workflows.predict import predict as predict_members

    (predicted,) = predict_members(
        MEMBER, open_scenes(data), Store(folder / "runs"), fold="full", split="test", device="cpu", jobs=1
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"records": len(predicted.predictions.record_ids), "peak_mb": peak}))


def measure(records: Sequence[int]) -> list[dict[str, float]]:
    """Peak for each number of records."""
    rows = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepare(folder)
        for number in records:
            command = [sys.executable, "-m", "benchmarks.prediction_memory", "--child", made, str(link(folder, number))]
            root = Path(__file__).parents[1]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
            rows.append(json.loads(done.stdout))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.child:
        predict(*given.child)
        return
    rows = measure(given.records)
    for row in rows:
        print(f"{row['records']:6} records {row['peak_mb']:8.0f} MB {row['peak_mb'] / rows[0]['peak_mb']:6.1%}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
