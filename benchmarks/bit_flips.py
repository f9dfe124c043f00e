"""Single flipped bits in every kind of file of a runs folder: are they found?

    python -m benchmarks.bit_flips RUNS                 1,000 flips, as many for each kind of file
    python -m benchmarks.bit_flips RUNS --json FILE     the figures, for a table

A flip counts as found if `zoo verify` calls the file a fault, as harmless if what is read from the file is the same as
before, and else as missed. Files that carry no digest are left out. RUNS is copied and stays as it is.
"""

import argparse
import csv
import json
import random
import shutil
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.signing import DIGEST
from pipeline.artefacts import is_signed, kind_of
from pipeline.verify import faults_of
from zoo.predictions import PredictionSet
from zoo.runs.seals import weights_digest
from zoo.runs.trials import read_trials, trial_content

COLUMNS = ("kind", "files", "flips", "found", "harmless", "missed")


def faults(path: Path) -> list[str]:
    """Faults that `zoo verify` finds in one file."""
    if path.suffix == ".zst" or path.name == "manifest.json":
        try:
            found = PredictionSet.open(path.parent)
            for shard in found.manifest.shards:
                found.decode(shard)
        except UserError as error:
            return [str(error)]
        return []
    kind = kind_of(path)
    return faults_of(path, kind) if kind else []


def content(path: Path) -> Any:
    """What a reader takes from a file: its document without the digest, its rows, its tensors; else its bytes."""
    data = path.read_bytes()
    if path.suffix == ".json":
        return _without_digest(json.loads(data))
    if path.suffix == ".jsonl":
        return [_without_digest(json.loads(line)) for line in data.splitlines()]
    if path.suffix == ".toml":
        return tomllib.loads(data.decode())
    if path.suffix == ".sqlite":
        return list(map(trial_content, read_trials(path)))
    if path.suffix == ".csv":
        return [_without_digest(row) for row in csv.DictReader(data.decode().splitlines())]
    return weights_digest(data) if path.suffix == ".safetensors" else data


def flip(path: Path, bit: int) -> str:
    """Outcome of one flipped bit: found, harmless or missed; the file is as before afterwards."""
    whole, before = path.read_bytes(), content(path)
    torn = bytearray(whole)
    torn[bit // 8] ^= 1 << bit % 8
    path.write_bytes(torn)
    try:
        if faults(path):
            return "found"
        return "harmless" if content(path) == before else "missed"
    finally:
        path.write_bytes(whole)


def flips(runs: Path, number: int, seed: int) -> dict[str, dict[str, int]]:
    """Counts by kind of file: files, flips, found, harmless, missed."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(runs.rglob("*")):
        known = path.suffix == ".zst" or (path.is_file() and kind_of(path) is not None)
        if known and is_signed(path) and not faults(path):
            name = f"*{path.suffix}" if path.suffix in (".zst", ".safetensors", ".sqlite") else path.name
            kinds.setdefault(name, []).append(path)
    draw = random.Random(seed)
    table = {}
    for order, (name, paths) in enumerate(sorted(kinds.items())):
        mine = number // len(kinds) + (order < number % len(kinds))
        outcomes = [flip(path, draw.randrange(8 * path.stat().st_size)) for path in draw.choices(paths, k=mine)]
        counts = {key: outcomes.count(key) for key in ("found", "harmless", "missed")}
        table[name] = {"files": len(paths), "flips": mine, **counts}
    return table


def _without_digest(document: Any) -> Any:
    return {key: value for key, value in document.items() if key != DIGEST}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table; with --json write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        table = flips(Path(shutil.copytree(given.runs, Path(folder) / "runs")), given.flips, given.seed)
    table["all"] = {key: sum(row[key] for row in table.values()) for key in COLUMNS[1:]}
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    for name, row in table.items():
        print("| " + " | ".join([f"`{name}`" if name != "all" else name, *map(str, row.values())]) + " |")
    if given.json:
        given.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
