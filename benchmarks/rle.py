"""Run-length coding against the usual ways, both sides in one run on one thread: ratios, not verdicts.

    python -m benchmarks.rle [--records N] [--json FILE]

Masks are streaks as contrails leave them (0.7 % of the pixels, every third empty). The other side: numpy's diff
and str.join, as notebooks do it; pycocotools with its counts converted to the competition's text, if it is installed.
Every side's text is compared before it is timed.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from submissions import decode, encode

Mask = NDArray[np.bool_]
RECORDS = 300
REPEATS = 7


def make_masks(rng: np.random.Generator, count: int) -> list[Mask]:
    masks = []
    for number in range(count):
        mask = np.zeros((256, 256), bool)
        for _ in range(0 if number % 3 == 0 else rng.integers(1, 6)):
            row, column, angle = *rng.integers(0, 256, 2), rng.uniform(0, np.pi)
            along = np.arange(0, rng.integers(30, 160), 0.5)
            for width in range(rng.integers(2, 5)):
                rows = (row + np.sin(angle) * along + width).astype(int)
                columns = (column + np.cos(angle) * along).astype(int)
                inside = (rows >= 0) & (rows < 256) & (columns >= 0) & (columns < 256)
                mask[rows[inside], columns[inside]] = True
        masks.append(mask)
    return masks


def encode_by_numpy(mask: Mask) -> str:
    # Bytes throughout; the form that most notebooks carry widens to 64 bits and is slower still.
    padded = np.zeros(65538, np.int8)
    padded[1:-1] = mask.T.ravel()
    edges = np.flatnonzero(np.diff(padded)) + 1
    edges[1::2] -= edges[::2]
    return " ".join(map(str, edges.tolist())) or "-"


def decode_by_numpy(cell: str) -> Mask:
    flat = np.zeros(65536, bool)
    if cell != "-":
        numbers = np.array(cell.split(), int)
        for start, length in zip(numbers[::2] - 1, numbers[1::2]):
            flat[start : start + length] = True
    return flat.reshape(256, 256).T


def coco_encoder() -> Callable[[Mask], str] | None:
    try:
        from pycocotools.mask import encode as coco_encode
    except ImportError:
        return None

    def to_text(mask: Mask) -> str:
        counts = coco_counts(coco_encode(np.asfortranarray(mask.view(np.uint8)))["counts"])
        at, words = 1, []
        for i, length in enumerate(counts):
            if i % 2 and length:
                words.append(f"{at} {length}")
            at += length
        return " ".join(words) or "-"

    return to_text


def coco_counts(packed: bytes) -> list[int]:
    """COCO's packed counts: five bits a byte, least first, differences from the third count on."""
    counts: list[int] = []
    at = 0
    while at < len(packed):
        value = shift = 0
        more = True
        while more:
            byte = packed[at] - 48
            value |= (byte & 31) << shift
            shift += 5
            at += 1
            more = bool(byte & 32)
            if not more and byte & 16:
                value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    return counts


def seconds(work: Callable[[], object]) -> float:
    """Shortest of some repeats."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def each(function: Callable[..., object], things: Sequence[Any]) -> Callable[[], object]:
    # Nothing is kept: pages touched for the first time would be what is timed.
    def work() -> None:
        for thing in things:
            function(thing)

    return work


def measure(records: int = RECORDS) -> dict[str, float]:
    """Ratios by name, and microseconds per mask."""
    masks = make_masks(np.random.default_rng(0), records)
    cells = [encode_by_numpy(mask) for mask in masks]
    coco = coco_encoder()
    assert [encode(mask) for mask in masks] == cells
    assert all(np.array_equal(decode(cell), mask) for cell, mask in zip(cells, masks))
    assert coco is None or [coco(mask) for mask in masks] == cells
    times = {
        "encode": seconds(each(encode, masks)),
        "decode": seconds(each(decode, cells)),
        "numpy_encode": seconds(each(encode_by_numpy, masks)),
        "numpy_decode": seconds(each(decode_by_numpy, cells)),
    }
    if coco:
        times["pycocotools_encode"] = seconds(each(coco, masks))
    return ratios(times) | {f"{name}_us": 1e6 * value / records for name, value in times.items()}


def ratios(times: dict[str, float]) -> dict[str, float]:
    found = {
        "rle_encode_vs_numpy": times["numpy_encode"] / times["encode"],
        "rle_decode_vs_numpy": times["numpy_decode"] / times["decode"],
    }
    if "pycocotools_encode" in times:
        found["rle_encode_vs_pycocotools"] = times["pycocotools_encode"] / times["encode"]
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--records", type=int, default=RECORDS)
    given = parser.parse_args(argv)
    found = measure(given.records)
    for name, value in found.items():
        print(f"{name:28s}{value:9.1f}{' us a mask' if name.endswith('_us') else ' x'}")
    if given.json:
        given.json.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
