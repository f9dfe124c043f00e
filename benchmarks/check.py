"""How long a file of 2,000 rows takes to be checked and written, beside csv reading it and numpy decoding it.

    python benchmarks/check.py [--json FILE]

Rows are streaks as contrails leave them (0.7 % of the pixels, every third empty). The other side does less: it
parses the csv with its ids as text and turns every cell into a mask, without a rule held against it. Both in one
process on one thread; start-up is left out of both.
"""

import argparse
import csv
import json
import tempfile
from pathlib import Path

import numpy as np
from rle import decode_by_numpy, encode_by_numpy, make_masks, seconds

from submissions import check, write_submission

ROWS = 2000


def measure(folder: Path) -> dict[str, float]:
    """Seconds by name, and the ratio."""
    shapes = make_masks(np.random.default_rng(0))
    masks = {str(10**18 + 7 * number): shapes[number % len(shapes)] for number in range(ROWS)}
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    file = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    for name, value in found.items():
        print(f"{name:28s}{value:9.2f}{' x' if '_vs_' in name else ' s'}")
    if file:
        file.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
