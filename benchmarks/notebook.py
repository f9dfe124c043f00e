"""The plain notebook that a user would start from, against members of the zoo: same folds, same minutes.

    python -m benchmarks.notebook --data DIR [--data DIR] --runs RUNS --member M [--member M ...] [--fold K ...]
        [--minutes N] [--maps DIR]

The notebook: smp's U-Net on the same lite0 weights, smp's Dice loss, flips, Adam at 1e-3 with one-cycle, batch 8,
whole scenes, threshold from a grid. In every fold it gets as many epochs as fit into the CPU seconds that the members'
runs of this fold took together (or --minutes); scoring it is not charged. The members' runs must be complete; the mean
of their cached out-of-fold maps is compared. Thresholds of both sides are the best ones of the other folds, or of the
fold itself if it is the only one. Both on --threads threads. --maps keeps the notebook's maps of each fold, and a fold
whose maps are there is not trained again. Prints both global Dice, and their paired difference with its interval.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import segmentation_models_pytorch as smp
import torch
from numpy.typing import NDArray

from core.dice import Counts, count
from core.uncertainty import dice_difference, dice_interval
from zoo.data import SIZE, open_scenes, read_folds
from zoo.members import load_member
from zoo.models.encoders import make_encoder
from zoo.predictions import find_members
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs, run_total
from zoo.runs.run import run_records
from zoo.training.dataset import RecordDataset

ENCODER = "tf_efficientnet_lite0"
BATCH, LR, GRID = 8, 1e-3, np.arange(0.05, 1.0, 0.05)
Maps = NDArray[Any]  # (n, 256, 256) of a fold
WARM_UP, TIMED = 2, 6  # steps before the first epoch


def network() -> torch.nn.Module:
    """smp's U-Net with the packaged ImageNet weights in its timm encoder."""
    unet: torch.nn.Module = smp.Unet(f"tu-{ENCODER}", encoder_weights=None)
    unet.get_submodule("encoder.model").load_state_dict(make_encoder(ENCODER, "imagenet", 3, SIZE).state_dict())
    return unet


def train(unet: torch.nn.Module, seen: RecordDataset, seconds: float) -> tuple[int, float]:
    """Train as many epochs as fit into `seconds`, by the time of a few steps that are undone; epochs and seconds."""
    loss_of = smp.losses.DiceLoss("binary")
    steps = len(seen) // BATCH
    generator = torch.Generator().manual_seed(0)

    def step(numbers: list[int]) -> torch.Tensor:
        images, labels = seen.batch(numbers)
        images = images[:, 0] * 2 - 1
        for axis in (-1, -2):
            flip = torch.rand(len(numbers), generator=generator) < 0.5
            images[flip], labels[flip] = images[flip].flip(axis), labels[flip].flip(axis)
        return loss_of(unet(images), labels)

    state = {key: value.clone() for key, value in unet.state_dict().items()}
    [step(list(range(BATCH))).backward() for _ in range(WARM_UP)]  # warm up
    start = time.process_time()
    for number in range(TIMED):
        step([(number * BATCH + i) % len(seen) for i in range(BATCH)]).backward()
    epochs = max(1, int(seconds / ((time.process_time() - start) / TIMED * steps)))
    unet.load_state_dict(state)
    unet.zero_grad()

    optimizer = torch.optim.Adam(unet.parameters(), lr=LR)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=epochs * steps)
    start = time.process_time()
    for epoch in range(epochs):
        order = torch.randperm(len(seen), generator=generator).tolist()
        for k in range(steps):
            loss = step(order[k * BATCH : (k + 1) * BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"notebook: epoch {epoch + 1}/{epochs} loss {loss:.3f} {time.process_time() - start:.0f} s", flush=True)
    return epochs, time.process_time() - start


@torch.inference_mode()
def predict(unet: torch.nn.Module, held: RecordDataset) -> np.ndarray:
    """Probability * 255, (n, 256, 256) uint8."""
    unet.eval()
    parts = [range(len(held))[start : start + BATCH] for start in range(0, len(held), BATCH)]
    with held.batches(parts) as batches:
        maps = [unet(images[:, 0] * 2 - 1).sigmoid()[:, 0] for images, _ in batches]
    return (torch.cat(maps) * 255).round().byte().numpy()


def best_on_grid(maps: Maps, truth: Maps) -> float:
    """Threshold of the grid with the best global Dice."""
    return float(max(GRID, key=lambda t: Counts.of(count(maps >= t * 255, truth)).dice))


def cross_counts(maps: Mapping[str, Maps], truth: Mapping[str, Maps]) -> tuple[list[float], NDArray[np.int64]]:
    """Threshold of each fold, the best one of the others, and the counts of all records."""
    thresholds = []
    for fold in maps:
        others = [other for other in maps if other != fold] or [fold]
        thresholds.append(best_on_grid(*(np.concatenate([of[k] for k in others]) for of in (maps, truth))))
    counts = [count(maps[fold] >= t * 255, truth[fold]) for fold, t in zip(maps, thresholds)]
    return thresholds, np.concatenate(counts)


def notebook_maps(seen: RecordDataset, held: RecordDataset, seconds: float, kept: Path | None) -> tuple[Maps, Any]:
    """Maps of the held-out records, and what it took; from the file `kept` if it is there."""
    if kept and kept.exists():
        return np.load(kept), json.loads(kept.with_suffix(".json").read_text())
    unet = network()
    epochs, took = train(unet, seen, seconds)
    maps, told = predict(unet, held), {"epochs": epochs, "seconds": took}
    if kept:
        kept.with_suffix(".json").write_text(json.dumps(told))
        np.save(kept, maps)
    return maps, told


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--fold", action="append", help="again for more; all of them by default")
    parser.add_argument("--member", action="append", required=True, help="again for the mean of their maps")
    parser.add_argument("--minutes", type=float, help="instead of the minutes of the members' runs")
    parser.add_argument("--maps", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    store, asked = Store(args.runs), [Ref.parse(name) for name in args.member]
    scenes, folds = open_scenes(args.data), read_folds(store.folds)
    members = find_members(store, "oof", asked)
    if args.maps:
        args.maps.mkdir(parents=True, exist_ok=True)
    ours: dict[str, Maps] = {}
    theirs: dict[str, Maps] = {}
    truth: dict[str, Maps] = {}
    groups, rows = [], []
    for fold in args.fold or sorted({str(k) for k in folds.fold_of.values()}):
        torch.manual_seed(0)
        ended = [find_runs(store, ref.of(member.recipe), fold)[0] for ref, member in zip(asked, members)]
        charged = sum(run_total(each.run, each.result, "cpu_seconds") for each in ended)
        records = run_records(ended[0].run, scenes, folds)
        seen, held = (RecordDataset(load_member("lite0-fc-t5"), scenes, each) for each in records)
        kept = args.maps / f"fold-{fold}.npy" if args.maps else None
        theirs[fold], told = notebook_maps(seen, held, 60 * args.minutes if args.minutes else charged, kept)
        ids = [record.id for record in held.records]
        ours[fold] = np.stack([member.maps(ids) for member in members]).mean(axis=0, dtype=np.float32)
        truth[fold] = np.stack([scenes.mask(record) for record in held.records])
        groups += [folds.group_of[i] for i in ids]
        rows.append({"fold": fold, "member_seconds": charged} | told)
    document: dict[str, Any] = {"records": len(groups), "folds": rows, "members": args.member}
    counts = {}
    for name, maps in (("notebook", theirs), ("members", ours)):
        thresholds, counts[name] = cross_counts(maps, truth)
        found = dice_interval(counts[name], groups)
        document[name] = {"dice": found.value, "interval": found.bounds, "thresholds": thresholds}
        print(f"{name:9} Dice {found.value:.4f} ({found.low:.4f} to {found.high:.4f}), thresholds {thresholds}")
    gain = dice_difference(counts["members"], counts["notebook"], groups)
    document["gain"] = {"dice": gain.value, "interval": gain.bounds}
    minutes = [sum(row[key] for row in rows) / 60 for key in ("seconds", "member_seconds")]
    print(
        f"gain      {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) on {len(groups)} records; "
        f"{minutes[0]:.0f} and {minutes[1]:.0f} CPU minutes"
    )
    if args.json:
        args.json.write_text(json.dumps(document))


if __name__ == "__main__":
    main()
