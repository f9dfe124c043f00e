"""The plain notebook that a user would start from, against a member of the zoo: same fold, same minutes.

    python -m benchmarks.notebook --data DIR [--data DIR] --runs RUNS --fold 0 --member lite0-fc-t5

The notebook: smp's U-Net on the same lite0 weights, smp's Dice loss, flips, Adam at 1e-3 with one-cycle, batch 8,
whole scenes, threshold from a grid on the held-out fold. It gets as many epochs as fit into the CPU seconds that the
member's run of this fold took (or --minutes); scoring it is not charged. The member's run must be complete; its
out-of-fold maps are read from the cache, its threshold chosen on the same records. Both on --threads threads.
Prints both global Dice, and their paired difference with its interval.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch

from core.dice import Counts, count
from core.uncertainty import dice_difference, dice_interval
from zoo.data import SIZE, open_scenes, read_folds
from zoo.members import load_member
from zoo.models.encoders import make_encoder
from zoo.predictions import find_members
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs
from zoo.runs.run import run_records
from zoo.training.dataset import RecordDataset

ENCODER = "tf_efficientnet_lite0"
BATCH, LR, GRID = 8, 1e-3, np.arange(0.05, 1.0, 0.05)
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


def best_on_grid(maps: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """The threshold of the grid with the best global Dice, and its counts per record."""
    counted = [(t, count(maps >= t * 255, truth)) for t in GRID]
    return max(counted, key=lambda pair: Counts.of(pair[1]).dice)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--fold", default="0")
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--minutes", type=float, help="instead of the minutes of the member's run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    store, asked = Store(args.runs), Ref.parse(args.member)
    scenes, folds = open_scenes(args.data), read_folds(store.folds)
    maps_of = find_members(store, "oof", [asked])[0]
    ended = find_runs(store, asked.of(maps_of.recipe), args.fold)[0]
    run = ended.run
    seconds = 60 * args.minutes if args.minutes else float(str(ended.result["cpu_seconds"]))
    seen, held = (RecordDataset(load_member("lite0-fc-t5"), scenes, rows) for rows in run_records(run, scenes, folds))
    unet = network()
    epochs, took = train(unet, seen, seconds)
    truth = np.stack([scenes.mask(record) for record in held.records])
    ids = [record.id for record in held.records]
    groups = [folds.group_of[i] for i in ids]
    theirs_at, theirs = best_on_grid(predict(unet, held), truth)
    ours_at, ours = best_on_grid(maps_of.maps(ids), truth)
    rows = {"records": len(ids), "fold": args.fold, "epochs": epochs, "seconds": took, "member_seconds": seconds}
    for name, at, counts in (("notebook", theirs_at, theirs), (args.member, ours_at, ours)):
        found = dice_interval(counts, groups)
        rows[name] = {"dice": found.value, "interval": [found.low, found.high], "threshold": float(at)}
        print(f"{name:12s} Dice {found.value:.4f} ({found.low:.4f} to {found.high:.4f}) at {at:.2f}")
    gain = dice_difference(ours, theirs, groups)
    rows["gain"] = {"dice": gain.value, "interval": [gain.low, gain.high]}
    print(
        f"gain         {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) on {len(ids)} records, {epochs} epochs"
    )
    if args.json:
        args.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
