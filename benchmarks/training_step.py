"""Training step of the product against a plain smp network: processor seconds, all variants interleaved.

    python -m benchmarks.training_step [--member lite0-fc-t5] [--batch 8] [--side 128] [--steps 8]

Variants: smp's U-Net on the same encoder with AdamW in float32; the product in fp32; in bf16 with everything in it; in
bf16 as the product trains, with depthwise convolutions in float32. One thread, random weights and images, shortest of
the steps. A machine without bf16 in hardware trains in fp32, and its bf16 rows say why.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import segmentation_models_pytorch as smp
import torch

from zoo.inputs import INPUTS
from zoo.members import Recipe, load_member, with_settings
from zoo.runtime.precision import half_precision
from zoo.training import step as training_step
from zoo.training.step import TrainStep

CPU = torch.device("cpu")
Step = Callable[[], None]


def plain(recipe: Recipe, images: torch.Tensor, labels: torch.Tensor) -> Step:
    """Return a step of smp's U-Net."""
    unet = smp.Unet(f"tu-{recipe.encoder}", encoder_weights=None, in_channels=images.shape[2])
    loss_of = smp.losses.DiceLoss("binary")
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-3)

    def step() -> None:
        loss_of(unet(images[:, 0]), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def of_the_product(
    recipe: Recipe, images: torch.Tensor, labels: torch.Tensor, precision: str, all_in_half: bool = False
) -> Step:
    """Return a step of the product; all_in_half: depthwise convolutions too."""
    kept = training_step.keep_depthwise_in_float32
    if all_in_half:
        training_step.keep_depthwise_in_float32 = lambda network: None
    try:
        made = TrainStep(with_settings(recipe, {"precision": precision}), CPU, "none")
    finally:
        training_step.keep_depthwise_in_float32 = kept
    made.begin_epoch(0)

    def step() -> None:
        made.backward(images, labels)
        made.update(1e-3, 0)

    return step


def seconds(steps: dict[str, Step], repeats: int) -> dict[str, float]:
    """Shortest processor seconds of each step; the first round is not counted."""
    found = dict.fromkeys(steps, float("inf"))
    for number in range(repeats + 1):
        for name, step in steps.items():
            start = time.process_time()
            step()
            found[name] = min(found[name], time.process_time() - start) if number else found[name]
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recipe = load_member(given.member)
    channels = INPUTS.facts(recipe.input).channels
    images = torch.rand(given.batch, len(recipe.frames), channels, given.side, given.side)
    labels = (torch.rand(given.batch, 1, given.side, given.side) > 0.98).float()
    product = {
        "product, fp32": of_the_product(recipe, images, labels, "fp32"),
        "product, all in bf16": of_the_product(recipe, images, labels, "bf16", all_in_half=True),
        "product, bf16": of_the_product(recipe, images, labels, "bf16"),
    }
    alone = {"smp, fp32": plain(recipe, images, labels)} if len(recipe.frames) == 1 else {}
    found = seconds(alone | product, given.steps)
    print(f"{given.member}, {given.batch} x {given.side}: half precision of this CPU {half_precision(CPU) or 'none'}")
    first = next(iter(found.values()))
    for name, value in found.items():
        print(f"{name:22} {value:6.3f} s   {first / value:5.2f}x")


if __name__ == "__main__":
    main()
