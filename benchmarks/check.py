"""Time to check and to write a file of 2,000 rows, beside csv reading it and numpy decoding it.

    python -m benchmarks.check [--rows N] [--json FILE]

Rows are streaks as contrails leave them (0.7 % of the pixels, every third empty). The other side does less: it
parses the csv with its ids as text and turns every cell into a mask, without a rule held against it. Both in one
process on one thread; start-up is left out of both.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.rle import RECORDS, decode_by_numpy, encode_by_numpy, make_masks, seconds
from submissions import check, write_submission

ROWS = 2000


def measure(folder: Path, count: int = ROWS) -> dict[str, float]:
    """Seconds by name, and the ratio."""
    shapes = make_masks(np.random.default_rng(0), min(count, RECORDS))
    masks = {str(10**18 + 7 * number): shapes[number % len(shapes)] for number in range(count)}
    path = folder / "submission.csv"
    rows = [f"{name},{encode_by_numpy(mask)}\n" for name, mask in masks.items()]
    path.write_text("record_id,encoded_pixels\n" + "".join(rows))
    ids = list(masks)
    assert check(path, ids, ids).accepted

    def read_by_numpy() -> None:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                decode_by_numpy(row["encoded_pixels"])

    times = {
        "check": seconds(lambda: check(path, ids, ids)),
        "write_and_compare": seconds(lambda: write_submission(folder / "again.csv", masks, force=True)),
        "csv_and_numpy": seconds(read_by_numpy),
    }
    return times | {"check_vs_csv_and_numpy": times["csv_and_numpy"] / times["check"]}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given.rows)
    for name, value in found.items():
        print(f"{name:28s}{value:9.2f}{' x' if '_vs_' in name else ' s'}")
    if given.json:
        given.json.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
