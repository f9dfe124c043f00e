"""Why are probabilities that were trained by Dice nearly all 0 or 1, and what does another loss change?

    python -m benchmarks.saturation [--json FILE] [--steps N] [--runs RUNS --data DIR [--data DIR] [MEMBER ...]]

Crops of pixels of known kinds: the evidence of a kind and a draw for the crop give the chance that a pixel is labelled,
and two crops in five have hardly any contrail. The model is one logit for each kind, so that it can learn any function
of the evidence and nothing else; it is fitted with the losses of the suite. A row: loss, crops in a batch, `cut` (the
chance from which p is above a half, to compare with `ideal`, where the Dice of all crops is highest), Dice at 0.5 and
at the best threshold of uint8 maps, `plateau` (thresholds within 0.005 of the best), and of the pixels with p above 1 %
the shares between 5 % and 95 %, and at level 255. With --runs, the same of the out-of-fold maps of each fold there.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.data import Scenes, open_scenes
from zoo.losses import recipe_loss
from zoo.members import load_member, with_settings
from zoo.predictions import find_members
from zoo.runs import Ref, Store

KINDS, SIDE = 64, 64
EVIDENCE = torch.linspace(-9, 8, KINDS)
RARER = 0.55  # the number of pixels falls by exp(-RARER) with each unit of evidence
EMPTY, SHIFT, SPREAD = 0.4, 8.0, 0.7  # share of crops with less evidence, by how much; standard deviation over crops
TESTED = 4000  # crops
SEED = 5
# The ratio of the constants stands for the Dice of all records: about what these crops allow, and place 3's 0.7.
FITS = (
    ("dice", 2),
    ("dice", 8),
    ("dice", 32),
    ("corrected_dice(intersection=4500, total=10000)", 8),
    ("corrected_dice(intersection=7000, total=10000)", 8),
    ("bce+dice", 8),
    ("0.9*bce+0.1*dice", 8),
    ("bce", 8),
)

Counts = NDArray[np.int64]


def kinds() -> Tensor:
    """Kind of each pixel of a crop, int64 (SIDE * SIDE,), the same in all crops."""
    share = torch.softmax(-RARER * EVIDENCE, 0).cumsum(0)
    return torch.searchsorted(share, (torch.arange(SIDE * SIDE) + 0.5) / (SIDE * SIDE)).clamp(max=KINDS - 1)


def labels(crops: int, of_pixel: Tensor, generator: torch.Generator) -> Tensor:
    """Draw the masks of so many crops, float32 (crops, 1, SIDE, SIDE)."""
    empty = (torch.rand(crops, 1, generator=generator) < EMPTY) * SHIFT
    drawn = SPREAD * torch.randn(crops, 1, generator=generator) - empty
    chance = (EVIDENCE[of_pixel] + drawn).sigmoid()
    return (torch.rand(chance.shape, generator=generator) < chance).float().view(crops, 1, SIDE, SIDE)


def fit(loss_text: str, crops: int, steps: int) -> NDArray[np.float64]:
    """Probability of each kind after `steps` steps of Adam, from 1 % on, at a rate that falls to 0."""
    loss = recipe_loss(with_settings(load_member("lite0-fc-t5"), {"loss": loss_text}))
    of_pixel, generator = kinds(), torch.Generator().manual_seed(SEED)
    table = torch.full((KINDS,), -4.6, requires_grad=True)
    optimizer = torch.optim.Adam([table], lr=0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = table[of_pixel].expand(crops, -1).reshape(crops, 1, SIDE, SIDE)
        loss(logits, labels(crops, of_pixel, generator)).backward()
        optimizer.step()
        schedule.step()
    probability: NDArray[np.float64] = table.detach().sigmoid().double().numpy()
    return probability


def described(contrail: Counts, sky: Counts) -> dict[str, Any]:
    """Figures of maps by their levels: (256,) pixels of contrails and of sky."""
    found = contrail[::-1].cumsum()[::-1]
    dice = 2 * found / ((contrail + sky)[::-1].cumsum()[::-1] + contrail.sum())
    best = 1 + int(dice[1:].argmax())
    near = np.flatnonzero(dice[1:] >= dice[best] - 0.005) + 1
    pixels = (contrail + sky)[3:]
    return {
        "dice_at_half": float(dice[128]), "dice": float(dice[best]), "threshold": best / 255,
        "plateau": [near[0] / 255, near[-1] / 255],
        "between": float(pixels[10:240].sum() / pixels.sum()), "at_255": float(pixels[-1] / pixels.sum()),
    }  # fmt: skip


def fitted_rows(steps: int) -> Iterator[dict[str, Any]]:
    of_pixel, generator = kinds(), torch.Generator().manual_seed(SEED + 1)
    marked = torch.zeros(KINDS, dtype=torch.float64)
    for _ in range(TESTED // 100):
        drawn = labels(100, of_pixel, generator).flatten(1).sum(0).double()
        marked.index_add_(0, of_pixel, drawn)
    pixels = torch.bincount(of_pixel, minlength=KINDS).double().numpy() * TESTED
    contrail = marked.numpy()
    chance = contrail / np.maximum(pixels, 1)
    above = [2 * contrail[k:].sum() / (pixels[k:].sum() + contrail.sum()) for k in range(KINDS)]
    for text, crops in FITS:
        probability = fit(text, crops, steps)
        levels = np.rint(probability * 255).astype(int)
        by_level = (np.bincount(levels, weights, minlength=256) for weights in (contrail, pixels - contrail))
        above_half = chance[(probability > 0.5) & (pixels > 0)]
        yield {
            "loss": text, "crops": crops, "cut": float(above_half.min()) if above_half.size else None,
            "ideal": float(chance[int(np.argmax(above))]), "possible": float(max(above)), **described(*by_level),
        }  # fmt: skip


def run_rows(store: Store, scenes: Scenes, members: Sequence[str]) -> Iterator[dict[str, Any]]:
    records = {record.id: record for record in scenes.labelled}
    for maps in find_members(store, names=[Ref.parse(member) for member in members] or None):
        for part in maps.sets:
            truth = np.stack([scenes.mask(records[name]) for name in part.record_ids])
            levels = part.maps(part.record_ids)
            by_level = (np.bincount(levels[where], minlength=256) for where in (truth, ~truth))
            yield {"loss": f"{maps.ref} fold {part.provenance.fold}", **described(*by_level)}


def line(row: dict[str, Any]) -> str:
    """Row of the printed table."""
    known = f"{row['crops']:3} crops, cut {row['cut'] or 1:.2f} ({row['ideal']:.2f})  " if "crops" in row else ""
    low, high = row["plateau"]
    return (
        f"{row['loss']:48} {known}Dice {row['dice_at_half']:.3f} at 0.5, {row['dice']:.3f} at {row['threshold']:.2f} "
        f"({low:.2f} to {high:.2f}), {row['between']:.2f} between, {row['at_255']:.2f} at 255"
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("members", nargs="*", metavar="MEMBER", help="of --runs; by default all")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--data", type=Path, action="append")
    given = parser.parse_args(argv)
    if bool(given.runs) != bool(given.data):
        parser.error("give --runs and --data together")
    rows = []
    of_runs = run_rows(Store(given.runs), open_scenes(given.data), given.members) if given.runs else None
    for row in of_runs or fitted_rows(given.steps):
        rows.append(row)
        print(line(row), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
