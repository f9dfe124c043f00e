"""Cost of noticing that scenes have changed since they were predicted: by size and time, and by content.

    python -m benchmarks.changed_scenes DIR [--json FILE]

Milliseconds a record, on files in the system's cache: looking at size and time (every prediction of every run), reading
all bytes for their SHA-256 (once a file, when it is predicted or its time has changed), and, to compare with, reading
the kelvins of the labelled frame. Bands of the false colour, and all nine.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from core.files import sha256_of_file, stamp
from zoo.data import BANDS, LABELLED, Record, Scenes, open_scenes
from zoo.data.ash import ASH_BANDS

REPEATS = 3


def milliseconds(work: Callable[[], object], records: int) -> float:
    """Milliseconds a record of the fastest of several calls, after one that fills the system's cache."""
    seconds = []
    for _ in range(1 + REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return round(1000 * min(seconds[1:]) / records, 3)


def _each(function: Callable[[Any], object], items: Sequence[Any]) -> None:
    for item in items:
        function(item)


def _kelvin(scenes: Scenes, bands: Sequence[int], record: Record) -> object:
    return scenes.kelvin(record, bands, (LABELLED,))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    scenes, rows = open_scenes(given.data), []
    for bands in (ASH_BANDS, BANDS):
        records = [record for record in scenes.records if set(bands) <= set(scenes.source(record).bands(record))]
        paths = [path for record in records for path in scenes.source(record).files(record, bands)]
        if records:
            work: dict[str, Callable[[], object]] = {
                "stamp": partial(_each, stamp, paths),
                "sha256": partial(_each, sha256_of_file, paths),
                "kelvin": partial(_each, partial(_kelvin, scenes, bands), records),
            }
            row = {"bands": len(bands), "records": len(records)}
            rows.append(row | {name: milliseconds(do, len(records)) for name, do in work.items()})
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()))
    if given.json:
        given.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
