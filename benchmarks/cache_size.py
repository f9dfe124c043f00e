"""Size and speed of the prediction cache against float32 npy files, both sides in one run.

    python -m benchmarks.cache_size                 seeded maps: lines on a soft floor
    python -m benchmarks.cache_size RUNS            every prediction set under a runs folder
    python -m benchmarks.cache_size --json FILE     the figures, for a table

MB/s are of float32 on both sides, one thread, files in the page cache, the best of three. The write of the
cache holds rounding, hashing and fsync; that of the npy files, one a record, its fsync. `encode` and `decode`
are zstd alone, on one shard; divide by 4 for MB/s of uint8.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from core.files import atomic_write
from zoo.predictions import PredictionSet, PredictionWriter, Provenance, find_members
from zoo.predictions.format import SHARD_RECORDS, decode_shard, encode_shard
from zoo.runs import Store

SIZE = 256
REPEATS = 3
# A hard case: a soft floor about one level high, rough with clouds and noise: neighbours often differ.
# Members trained with a Dice loss have a flatter floor and come out several times smaller.
FLOOR, CLOUDS, NOISE = -5.6, 0.7, 0.25
SHARE_WITH_LINES = 0.45


def line_maps(count: int, seed: int) -> NDArray[np.float32]:
    """Probabilities (count, 256, 256): lines of any width and confidence on a soft, cloudy floor."""
    rng = np.random.default_rng(seed)
    return np.stack([_sigmoid(_logits(rng)) for _ in range(count)]).astype(np.float32)


def _logits(rng: np.random.Generator) -> NDArray[np.float64]:
    logits = FLOOR + CLOUDS * _field(rng, 12) + NOISE * _field(rng, 1.5)
    rows, columns = np.indices((SIZE, SIZE))
    for _ in range(1 + rng.poisson(4) if rng.random() < SHARE_WITH_LINES else 0):
        angle, (top, left) = rng.uniform(0, np.pi), rng.uniform(0, SIZE, 2)
        across = (rows - top) * np.cos(angle) - (columns - left) * np.sin(angle)
        along = (rows - top) * np.sin(angle) + (columns - left) * np.cos(angle)
        inside = np.clip((rng.uniform(15, 90) - np.abs(along)) / 4, 0, 1)
        profile = np.exp(-0.5 * (across / rng.uniform(1.5, 4)) ** 2)
        logits = logits + rng.uniform(3, 9) * inside * profile
    return logits


def _field(rng: np.random.Generator, scale: float) -> NDArray[np.float64]:
    field = gaussian_filter(rng.standard_normal((SIZE, SIZE)), scale, mode="wrap")
    scaled: NDArray[np.float64] = field / field.std()
    return scaled


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def compare(maps: NDArray[np.float32], folder: Path) -> dict[str, float]:
    """Size and speed of the cache and of npy files, of the same maps."""
    ids = [f"{number:019d}" for number in range(len(maps))]
    rounds = [_time(folder / str(number), ids, maps) for number in range(REPEATS)]
    cache, plain = folder / "0/cache", folder / "0/npy"
    levels = PredictionSet.open(cache).maps(ids)
    figures = {
        "records": len(maps),
        "share_over_half": float((maps > 0.5).mean()),
        "share_over_tenth": float((maps > 0.1).mean()),
        "share_of_commonest": float(np.bincount(levels.ravel()).max() / levels.size),
        "bytes_a_map": _size(cache) / len(maps),
        "smaller_than_float32": _size(plain) / _size(cache),
        "largest_error": float(np.abs(levels / 255 - maps).max()),
    }
    best = {name: min(took[name] for took in rounds) for name in rounds[0]}
    return figures | {f"{name}_mb_s": maps.nbytes / 1e6 / took for name, took in best.items()}


def _time(folder: Path, ids: list[str], maps: NDArray[np.float32]) -> dict[str, float]:
    """Seconds of each side's write and read."""
    cache, plain = folder / "cache", folder / "npy"
    jobs: dict[str, Callable[[], object]] = {
        "cache_write": lambda: _write_cache(cache, ids, maps),
        "npy_write": lambda: _write_npy(plain, ids, maps),
        "cache_read": lambda: PredictionSet.open(cache).maps(ids) * np.float32(1 / 255),
        "npy_read": lambda: np.stack([np.load(plain / f"{name}.npy") for name in ids]),
        "encode": lambda: encode_shard(levels),
        "decode": lambda: decode_shard(blob, len(levels), folder),
    }
    levels = np.rint(maps[:SHARD_RECORDS] * np.float32(255)).astype(np.uint8)
    blob = encode_shard(levels)
    seconds = {}
    for name, job in jobs.items():
        start = time.perf_counter()
        job()
        seconds[name] = time.perf_counter() - start
    # One shard stands for all.
    share = len(maps) / len(levels)
    return {name: took * (share if name in ("encode", "decode") else 1) for name, took in seconds.items()}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _write_cache(folder: Path, ids: list[str], maps: NDArray[np.float32]) -> None:
    made = Provenance(
        member="m",
        recipe="r",
        split="oof",
        fold="0",
        seed=0,
        tta="none",
        folds_sha256="",
        checkpoint_sha256="",
        code="",
        seconds_per_record=None,
    )
    with PredictionWriter(folder, made, ids) as writer:
        for record_id, probability in zip(ids, maps):
            writer.add(record_id, probability)


def _write_npy(folder: Path, ids: list[str], maps: NDArray[np.float32]) -> None:
    for record_id, probability in zip(ids, maps):
        with atomic_write(folder / f"{record_id}.npy") as file:
            np.save(file, probability)


def real_maps(store: Store) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each member's out-of-fold maps, as probabilities."""
    for member in find_members(store):
        yield str(member.ref), member.maps(member.record_ids).astype(np.float32) / np.float32(255)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table; with --json write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="?", type=Path)
    parser.add_argument("--records", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    cases = real_maps(Store(given.runs)) if given.runs else [("lines", line_maps(given.records, given.seed))]
    found = {}
    for name, maps in cases:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
            found[name] = compare(maps, Path(folder))
        print(name)
        for key, value in found[name].items():
            print(f"  {key:22}{value:12.5g}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
