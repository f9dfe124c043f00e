"""Score on all labelled real scenes of a model trained on synthetic scenes only.

    cli data synth scenes --train 100 --validation 0 --test 0 --seed 3
    cli data synth held --train 20 --validation 0 --test 0 --seed 103
    cli zoo train lite0-fc-t5 --data scenes --runs synthetic --fold full --epochs 6 --seeds 3 --jobs 1
    python -m benchmarks.synthetic_worth --runs synthetic --synthetic held --data DIR [--data DIR] [--adapt] [--tta d4]

All runs of the member's newest recipe are scored, one by one and as the mean of their maps, at the threshold that is
best on the synthetic scenes of --synthetic; no mask of a real scene has a say in anything. --adapt: statistics of the
normalisation layers are estimated again from the real images, without their masks. Prints the global Dice with the
interval of the mean map's, and, for what it shows of the threshold alone, the Dice at the best threshold on the real
scenes. The classical detector beside it is benchmarks/classical.py.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.dice import Counts, count
from core.uncertainty import dice_interval
from zoo.data import Scenes, make_folds, open_scenes
from zoo.inference import BATCH, load_network, probabilities
from zoo.inputs import read_scaling
from zoo.runs import Ref, Store
from zoo.runs.find import runs_by_recipe
from zoo.runs.run import Run
from zoo.runtime.precision import prediction_precision
from zoo.training import set_threads
from zoo.training.dataset import read_images
from zoo.training.norms import measuring
from zoo.training.scoring import best_dice

CPU = torch.device("cpu")


def adapt(network: nn.Module, run: Run, scenes: Scenes) -> None:
    """Estimate mean and variance of every BatchNorm again, from the images of all labelled records, without masks."""
    with measuring([network]):
        for images in _batches(run, scenes):
            network(images)


@torch.inference_mode()
def maps_of(run: Run, synthetic: Scenes, real: Scenes, tta: str, adapted: bool) -> list[NDArray[np.float32]]:
    """Probabilities (n, 256, 256) of all labelled synthetic records, and of all real ones."""
    network = load_network(run).to(memory_format=torch.channels_last)
    precision = prediction_precision(run.recipe.final.precision, CPU)
    offset = run.recipe.final.view_offset

    def predicted(scenes: Scenes) -> NDArray[np.float32]:
        found = (probabilities(network, images, tta, offset, precision) for images in _batches(run, scenes))
        return np.concatenate(list(found))

    held = predicted(synthetic)  # by the statistics of what it was trained on: its threshold is of that kind
    if adapted:
        adapt(network, run, real)
    return [held, predicted(real)]


def _batches(run: Run, scenes: Scenes):  # type: ignore[no-untyped-def]
    scaling = read_scaling(run.scaling, run.recipe.input, run.train_command)
    records = scenes.labelled
    for start in range(0, len(records), BATCH):
        yield read_images(run.recipe, scenes, records[start : start + BATCH], scaling)


def _truth(scenes: Scenes) -> NDArray[np.bool_]:
    return np.stack([scenes.mask(record) for record in scenes.labelled])


def _best(maps: NDArray[np.float32], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Best Dice and its threshold."""
    values = np.rint(maps * 255).astype(np.uint8)
    dice, at, _ = best_dice(np.bincount(values[truth], minlength=256), np.bincount(values[~truth], minlength=256))
    return dice, at


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--synthetic", type=Path, required=True)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--tta", default="none")
    parser.add_argument("--adapt", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    set_threads(args.threads)
    synthetic, real = open_scenes(args.synthetic), open_scenes(args.data)
    held_truth, truth = _truth(synthetic), _truth(real)
    runs = [ended.run for ended in runs_by_recipe(Store(args.runs), Ref(args.member))[0]]
    print(f"{runs[0].ref}: {', '.join(run.name.words for run in runs)}")
    sums: list[NDArray[np.float32]] = []
    rows = []

    def score(name: str, held: NDArray[np.float32], maps: NDArray[np.float32]) -> NDArray[np.int64]:
        at = _best(held, held_truth)[1]
        counts = count(np.rint(maps * 255) >= round(at * 255), truth)
        best, best_at = _best(maps, truth)
        dice = Counts.of(counts).dice
        rows.append({"maps": name, "dice": dice, "threshold": at, "best": best, "best_threshold": best_at})
        print(f"{name:12} Dice {dice:.4f} at {at:.2f}; best {best:.4f} at {best_at:.2f}", flush=True)
        return counts

    for run in runs:
        held, maps = maps_of(run, synthetic, real, args.tta, args.adapt)
        score(f"{run.fold} seed {run.seed}", held, maps)
        sums = [total + part for total, part in zip(sums, (held, maps))] or [held, maps]
    dice = [float(row["dice"]) for row in rows]  # type: ignore[arg-type]
    spread = float(np.std(dice, ddof=1)) if len(dice) > 1 else 0.0
    print(f"mean of {len(dice)} runs: {np.mean(dice):.4f} ± {spread:.4f}")
    counts = score("mean map", *(total / np.float32(len(runs)) for total in sums))
    group_of = make_folds(real, 2).group_of
    found = dice_interval(counts, [group_of[record.id] for record in real.labelled])
    print(f"mean map, {len(truth)} real scenes: {found.value:.4f} ({found.low:.4f} to {found.high:.4f})")
    if args.json:
        document = {"rows": rows, "mean": float(np.mean(dice)), "spread": spread, "records": len(truth)}
        args.json.write_text(json.dumps(document | {"interval": [found.low, found.high]}))


if __name__ == "__main__":
    main()
