"""D4 prediction against ttach's wrapper around the same network: processor seconds, both sides interleaved.

    python -m benchmarks.prediction [--member lite0-fc-t5] [--records 4] [--repeats 3] [--json FILE]

ttach's wrapper gets a network in channels_last that gives probabilities, and images in channels_last. The product
folds BatchNorm and gives the network small parts. Its last row computes in bf16 with depthwise convolutions in float32,
which it does not do on a CPU of its own accord: maps would depend on the CPU. One thread, random weights; BatchNorm
statistics are drawn, so that folding has something to do. "of a product": multiply-adds a second, relative to those of
a product of two matrices of 1024 x 1024.
"""

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import ttach
from torch import Tensor, nn

from zoo.inference import probabilities
from zoo.inputs import INPUTS
from zoo.members import Recipe, load_member
from zoo.members.costs import cost_of
from zoo.models import build
from zoo.runtime.folding import fold_batch_norms
from zoo.runtime.precision import keep_depthwise_in_float32

VIEWS = 8
SIDE = 1024


class Wrapped(nn.Module):
    """Network that takes images (n, channels, 256, 256) and gives probabilities, as ttach's wrapper wants it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.network(images[:, None]).sigmoid()
        return found


def make_network(recipe: Recipe) -> nn.Module:
    """Network with drawn BatchNorm statistics, and a head that is sure of itself."""
    torch.manual_seed(0)
    network = build(recipe, "none").eval()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)  # type: ignore
                layer.running_var.uniform_(0.5, 1.5)  # type: ignore
        network.decoder.head.bias.zero_()  # type: ignore
    made: nn.Module = network.to(memory_format=torch.channels_last)
    return made


@torch.inference_mode()
def measure(recipe: Recipe, records: int, repeats: int) -> dict[str, float]:
    """Processor seconds a record of each side, and the largest differences of their maps."""
    network = make_network(recipe)
    images = torch.rand(records, 1, INPUTS.facts(recipe.input).channels, 256, 256)
    wrapper = ttach.SegmentationTTAWrapper(Wrapped(network), ttach.aliases.d4_transform(), "mean")
    folded = fold_batch_norms(network, images[:1])
    half = copy.deepcopy(folded)
    keep_depthwise_in_float32(half)
    sides: dict[str, Callable[[], Tensor]] = {
        "ttach": lambda: wrapper(images[:, 0].to(memory_format=torch.channels_last))[:, 0],
        "product": lambda: torch.from_numpy(probabilities(folded, images, "d4")),
        "not_folded": lambda: torch.from_numpy(probabilities(network, images, "d4")),
        "bf16": lambda: torch.from_numpy(probabilities(half, images, "d4", precision="bf16")),
    }
    maps = {name: side() for name, side in sides.items()}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            taken[name].append(timed(side))
    seconds = {name: statistics.median(each) / records for name, each in taken.items()}
    cost, matrix = cost_of(recipe), torch.rand(SIDE, SIDE)
    product = min(timed(lambda: matrix @ matrix) for _ in range(5))
    figures = {f"{name}_seconds": value for name, value in seconds.items()}
    figures |= {f"{name}_vs_ttach": seconds["ttach"] / value for name, value in seconds.items()}
    figures |= {f"{name}_differs": float((maps[name] - maps["ttach"]).abs().max()) for name in sides}
    if cost:
        figures["of_a_product"] = VIEWS * cost.gmacs / seconds["product"] / (SIDE**3 / product / 1e9)
    return figures


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--records", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    recipe = load_member(given.member).final
    if len(recipe.frames) > 1:
        parser.error("ttach's wrapper takes images of one frame")
    figures = measure(recipe, given.records, given.repeats)
    for name, value in figures.items():
        print(f"{name:20} {value:10.3g}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
