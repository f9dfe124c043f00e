"""The ensembler against the usual ways, both sides in one run on one thread: ratios, not verdicts.

    python -m benchmarks.ensemble [--json FILE] [--records N] [--full N]

Seconds are of CPU time of one thread (`time.thread_time`), the best of a few, so that other loads matter less.
Slow sides run on a few records and are scaled to as many as the fast side had. `--full N` (22,385; 0 leaves it
out) is one honest fit by a process of its own: weights, (threshold, k), five-fold cross-fitting, intervals; its
seconds are of the clock on `--jobs` cores, its CPU seconds of all of them, its peak is of memory. What it counted is
counted, too: as many dense evaluations and labelled surfaces, timed with numpy and scipy on a few records and scaled,
are `fit_vs_numpy`. `rle_...` are those of benchmarks/rle.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run as a file, its folder comes first in the path, where it hides the package of its own name.
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).resolve().parent]

import argparse
import json
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import cc3d
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import rle
from benchmarks.ensemble_maps import SIZE, Pool, draw_pool, shifted_chunks
from core.uncertainty import dice_interval
from ensemble import counts as member_counts
from ensemble.active import EPS, Active, find_active
from ensemble.blend import COARSE, identity_table, whole_weights
from ensemble.fitting import FitOptions, fit_active
from ensemble.surface import best_cut, changes, curves, surface_of

MEMBERS = 8
FOLDS = 5
SHARES = [3, 1, 2, 1, 1, 0.5, 1, 1]
THRESHOLDS = np.arange(1, 100) / 100
SIZES = 400
GRID = np.linspace(1, SIZES, 50).astype(int)
PEER_RECORDS = 4
INTERVAL_RECORDS = 1856
PIXEL_REPLICATES = 4


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """CPU seconds of this thread for one call, the best of `repeats` after a first one that compiles."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)


def compare(records: int) -> dict[str, float]:
    """All ratios, on `records` records of `ensemble_maps`."""
    pool = draw_pool(min(records, 96), MEMBERS)
    chunks = list(shifted_chunks(pool, records))
    fold_of = {record: 0 for ids, _, _ in chunks for record in ids}
    active = find_active(iter(chunks), [f"m{m}" for m in range(MEMBERS)], fold_of)
    figures = {"records": float(records), "active_share": active.share}
    figures |= surfaces(active, chunks[0][1], chunks[0][2])
    figures |= evaluations(active, chunks[0][1], chunks[0][2])
    coded = {name: value for name, value in rle.measure(min(records, rle.RECORDS)).items() if name.startswith("rle_")}
    return figures | intervals() | coded


def surfaces(active: Active, maps: NDArray[np.uint8], masks: NDArray[np.bool_]) -> dict[str, float]:
    """One surface over 1,020 thresholds and all k <= 400, against labelling 99 thresholds one by one."""
    by, weights = identity_table(), whole_weights(SHARES, COARSE)
    floor, truth = by.floor_bin(EPS), int(active.truth.sum())

    def ours() -> object:
        counts = surface_of(changes(active, weights, by, "component", [0]))
        return best_cut(counts, truth, floor, "component")

    fast = seconds(ours)
    blend = np.average(maps[:, :PEER_RECORDS] / np.float32(255), axis=0, weights=SHARES)
    scale = len(active.record_ids) / PEER_RECORDS
    figures = {"surface_seconds": fast}
    with_scipy = seconds(lambda: _label_all(blend, masks, _scipy_label), 1) * scale
    figures["surface_vs_scipy"] = with_scipy / fast
    peers = {name: seconds(partial(_label_all, blend, masks, label), 1) * scale for name, label in _peers().items()}
    figures["surface_vs_best_peer"] = min(peers.values()) / fast
    figures["scipy_surface_seconds_per_record"] = with_scipy / len(active.record_ids)
    # The naive grid labels and counts anew for every pair; one threshold in eleven, one k in ten, scaled.
    pairs = [(t, k) for t in THRESHOLDS[::11] for k in GRID[::10]]
    grid = seconds(lambda: [_drop_and_count(blend, masks, t, k) for t, k in pairs], 1)
    figures["surface_vs_grid"] = grid * len(THRESHOLDS) * len(GRID) / len(pairs) * scale / fast
    return figures


def _label_all(
    blend: NDArray[np.float64],
    masks: NDArray[np.bool_],
    label: Callable[[NDArray[np.bool_]], NDArray[np.int32]],
) -> NDArray[np.int64]:
    """Counts (thresholds, sizes, 2): labels once a threshold, all k from the sizes of the components."""
    counts = np.zeros((len(THRESHOLDS), SIZES + 1, 2), np.int64)
    for image, truth in zip(blend, masks):
        for row, threshold in enumerate(THRESHOLDS):
            marks = label(image >= threshold).ravel()
            sizes = np.bincount(marks)[1:]
            hits = np.bincount(marks, weights=truth.ravel())[1:]
            column = np.minimum(sizes, SIZES)
            counts[row, :, 0] += np.bincount(column, weights=hits, minlength=SIZES + 1).astype(np.int64)
            counts[row, :, 1] += np.bincount(column, weights=sizes, minlength=SIZES + 1).astype(np.int64)
    return counts[:, ::-1].cumsum(axis=1)[:, ::-1]


def _scipy_label(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.asarray(ndimage.label(mask, np.ones((3, 3)))[0])


def _peers() -> dict[str, Callable[[NDArray[np.bool_]], NDArray[np.int32]]]:
    """Other libraries that label components."""
    cv2.setNumThreads(1)
    return {
        "opencv": lambda mask: cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[1],
        "cc3d": lambda mask: cc3d.connected_components(mask, connectivity=8),
    }


def _drop_and_count(blend: NDArray[np.float64], masks: NDArray[np.bool_], threshold: float, k: int) -> tuple[int, int]:
    hits = predicted = 0
    for image, truth in zip(blend, masks):
        marks = _scipy_label(image >= threshold)
        sizes = np.bincount(marks.ravel())
        sizes[0] = 0
        kept = sizes[marks] >= k
        hits += int((kept & truth).sum())
        predicted += int(kept.sum())
    return hits, predicted


def evaluations(active: Active, maps: NDArray[np.uint8], masks: NDArray[np.bool_]) -> dict[str, float]:
    """The Dice of one set of weights at all 1,020 thresholds, against blends of dense float32 maps."""
    by, weights = identity_table(), whole_weights(SHARES, COARSE)
    truth, floor = int(active.truth.sum()), by.floor_bin(EPS)
    fast = seconds(lambda: best_cut(curves(active, weights, by)[0], truth, floor, "none"), 7)
    dense = (maps / np.float32(255)).astype(np.float32)
    flat, shares = dense.reshape(MEMBERS, -1), np.array(SHARES, np.float32) / sum(SHARES)
    positive = masks.ravel()

    def average(thresholds: NDArray[np.float64]) -> object:
        blend = np.average(dense, axis=0, weights=SHARES)
        return [((blend >= t) & masks).sum() / ((blend >= t).sum() + truth) for t in thresholds]

    def blas() -> object:
        bins = (shares @ flat * 1020).astype(np.int64)
        return np.bincount(bins * 2 + positive, minlength=2042)

    scale = len(active.record_ids) / len(masks)
    return {
        "evaluation_seconds": fast,
        "evaluation_vs_average1": seconds(lambda: average(THRESHOLDS[49:50])) * scale / fast,
        "evaluation_vs_average99": seconds(lambda: average(THRESHOLDS), 1) * scale / fast,
        "evaluation_vs_blas": seconds(blas) * scale / fast,
        "blas_seconds_per_record": seconds(blas) / len(masks),
    }


def intervals() -> dict[str, float]:
    """One interval over 1,856 records, against bootstraps of 10,000: a loop over records, and draws of pixels."""
    rng = np.random.default_rng(0)
    size = INTERVAL_RECORDS
    truth = np.where(rng.random(size) < 0.55, 0, rng.negative_binomial(1, 0.005, size))
    tp = rng.binomial(truth, 0.7)
    false = np.where(rng.random(INTERVAL_RECORDS) < 0.6, rng.poisson(0.3 * truth + 5), 0)
    counts, groups = np.stack([tp, tp + false, truth], axis=1), np.arange(INTERVAL_RECORDS)

    def loop() -> object:
        scores = np.empty(10_000)
        for replicate in range(10_000):
            drawn = counts[rng.integers(0, INTERVAL_RECORDS, INTERVAL_RECORDS)].sum(axis=0)
            scores[replicate] = 2 * drawn[0] / (drawn[1] + drawn[2])
        return np.quantile(scores, [0.025, 0.975])

    predicted = rng.random((INTERVAL_RECORDS, SIZE * SIZE)) < 0.002
    masks = rng.random(predicted.shape) < 0.002

    def pixels() -> object:
        for _ in range(PIXEL_REPLICATES):
            drawn = rng.integers(0, INTERVAL_RECORDS, INTERVAL_RECORDS)
            p, t = predicted[drawn], masks[drawn]
            2 * (p & t).sum() / (p.sum() + t.sum())
        return None

    fast = seconds(lambda: dice_interval(counts, groups), 5)
    return {
        "interval_seconds": fast,
        "interval_vs_loop": seconds(loop, 1) / fast,
        "interval_vs_pixels": seconds(pixels, 1) * 10_000 / PIXEL_REPLICATES / fast,
    }


def full_fit(records: int, jobs: int) -> dict[str, float]:
    """One honest fit by a fresh process, whose peak of memory is its own."""
    command = [sys.executable, "-m", "benchmarks.ensemble", "--child", str(records), "--jobs", str(jobs)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def child(records: int, jobs: int) -> dict[str, float]:
    """The honest fit itself; drawing maps and gathering active pixels are timed apart."""
    pool: Pool = draw_pool(min(records, 96), MEMBERS)
    folds = {f"{number:06d}": number * FOLDS // records for number in range(records)}
    warm = find_active(shifted_chunks(pool, min(records, 64)), [f"m{m}" for m in range(MEMBERS)], folds)
    curves(warm, whole_weights(SHARES, COARSE), identity_table())
    start = time.perf_counter()
    chunks = shifted_chunks(pool, records)
    active = find_active(chunks, [f"m{m}" for m in range(MEMBERS)], folds)
    gathered, worked = time.perf_counter(), time.process_time()
    with counted_calls() as counted:
        result = fit_active(active, options=FitOptions(), jobs=jobs)
    estimates = [result.estimate(one.counts) for one in (result.result, result.uniform, result.best)]
    gains = [result.difference(rival) for rival in (result.uniform, result.best)]
    assert len(estimates) + len(gains) == 5
    return {
        "fit_records": records,
        "fit_active_pixels": len(active.pixel),
        "fit_gather_seconds": gathered - start,
        "fit_seconds": time.perf_counter() - gathered,
        "fit_cpu_seconds": time.process_time() - worked,
        "fit_peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "fit_jobs": jobs,
        "fit_evaluations": counted["curves"] / FOLDS,
        "fit_surfaces": counted["changes"] / FOLDS,
    }


@contextmanager
def counted_calls() -> Iterator[dict[str, int]]:
    """Count the folds that the ensemble counts within the block: at all thresholds, and at all (threshold, k)."""
    counted = {"curves": 0, "changes": 0}

    def counting(name: str, work: Callable[..., object], folds_at: int) -> Callable[..., object]:
        def counted_work(*given: Any, **more: Any) -> object:
            counted[name] += len(given[folds_at])
            return work(*given, **more)

        return counted_work

    at_thresholds = counting("curves", member_counts.curves, 3)
    at_pairs = counting("changes", member_counts.changes, 4)
    with patch.object(member_counts, "curves", at_thresholds), patch.object(member_counts, "changes", at_pairs):
        yield counted


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--records", type=int, default=512)
    parser.add_argument("--full", type=int, default=22_385)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.child:
        print(json.dumps(child(given.child, given.jobs)))
        return
    figures = compare(given.records)
    if given.full:
        figures |= full_fit(given.full, given.jobs)
        dense = figures["fit_evaluations"] * figures["blas_seconds_per_record"]
        dense += figures["fit_surfaces"] * figures["scipy_surface_seconds_per_record"]
        figures["fit_vs_numpy"] = dense * given.full / figures["fit_cpu_seconds"]
    for name, value in figures.items():
        print(f"{name:26} {value:14,.4g}" if value < 100 else f"{name:26} {value:14,.0f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
