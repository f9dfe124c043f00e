"""Costs of networks without building them: weights, arithmetic, memory, from a table that comes with the install.

In: a Recipe. Out: its `Cost`, and from that an `Estimate` of what training takes on a GPU, or the `RunCost` of one run
on some data. The table is counted by zoo.models.costs (`make costs`); a network that it does not hold is counted when
it is asked for.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from zoo.data import SIZE
from zoo.epoch_choice import CANDIDATES
from zoo.inputs import INPUTS
from zoo.members.recipe import KEYS, Recipe, keys_of

TABLE = Path(__file__).with_name("costs.csv")
RECORDS = 20_529  # of the competition, to train on
FOLDS = 5
# What an A100 kept up in place 1's training: a U-Net of 241 GMACs, 35 epochs of 18,476 records, 1,500 minutes.
GPU_TMACS = 5.0
# What one core with AVX2 keeps up in float32: a U-Net on resnet18, 4.65 GMACs a scene, 4 scenes a step of 2.98 s.
CORE_TMACS = 0.019
START = 10.0  # core seconds of a run beside its arithmetic: libraries, the choice of a precision, the first steps
STEP = 3.0  # times the arithmetic of a prediction: forward, and backward for inputs and for weights
HALF = 0.5  # a GPU's activations are kept in 16 bits
BASE_GB = 0.7  # what CUDA and its kernels, or the libraries, hold before any tensor
BYTES_A_WEIGHT = 16  # itself, its gradient, two moments
MAP_MB = 0.01  # of a prediction on disk


# Values of COLUMNS, as text; two recipes that agree here have the same network, and it costs the same.
Network = tuple[str, ...]
COLUMNS = (*keys_of("network"), "channels", "frames", "heads")


@dataclass(frozen=True)
class Cost:
    """Cost of a network, for one scene seen whole."""

    parameters: int
    gmacs: float  # multiply-adds of a prediction, thousand millions
    activation_mb: float  # what a training step keeps of a scene for its gradients, in 32 bits
    licence: str  # of the encoder's ImageNet weights, "unknown" where timm does not say


@dataclass(frozen=True)
class Estimate:
    """Cost of training one fold of five on the competition's records: memory, and hours of an A100."""

    gpu_gb: float
    gpu_hours: float
    cpu_gb: float  # of a machine that trains without a GPU, in 32 bits


@dataclass(frozen=True)
class RunCost:
    """Cost of training one run: memory of a GPU, hours of an A100 or of one CPU core, peak on disk."""

    gpu_gb: float
    gpu_hours: float
    core_hours: float
    disk_mb: float


@cache
def read_costs(path: Path = TABLE) -> dict[Network, Cost]:
    """Read the table."""
    with path.open(newline="") as file:
        return dict(_row(row) for row in csv.DictReader(file))


def network_of(recipe: Recipe) -> Network:
    """Network of a recipe, as the table has it."""
    read = (INPUTS.facts(recipe.input).channels, len(recipe.frames), recipe.heads)
    return *(_text(getattr(recipe, key)) for key in keys_of("network")), *map(str, read)


def cost_of(recipe: Recipe) -> Cost | None:
    """Cost of the network that predicts; None if the table does not hold it."""
    return read_costs().get(network_of(recipe.final))


def estimate(recipe: Recipe, count: Callable[[Recipe], Cost | None] = cost_of) -> Estimate | None:
    """Estimate what training takes: memory of the largest stage, time over all of them; None if `count` knows none.

    Memory: weights with gradient and two moments, and the activations of a batch. Time: three predictions a scene.
    Reading is not in it: threads do that meanwhile, and only where files come slower than the GPU computes it counts.
    Either may be off by a factor of two: it says which GPU to look for, not when to come back.
    """
    costs = [count(stage) for stage in recipe.staged]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    pairs = list(zip(recipe.staged, known))
    return Estimate(
        gpu_gb=round(max(_gigabytes(stage, cost) for stage, cost in pairs), 1),
        gpu_hours=round(sum(_hours(stage, cost) for stage, cost in pairs), 1),
        cpu_gb=round(max(_gigabytes(stage, cost, 1.0) for stage, cost in pairs), 1),
    )


def run_cost(
    recipe: Recipe,
    trained_on: int,
    held_out: int,
    runs: int = 1,
    count: Callable[[Recipe], Cost | None] = cost_of,
) -> RunCost | None:
    """Estimate the cost of a run on so many records, or of several with the same recipe one after the other.

    Scoring the held-out records is in it. As rough as `estimate`: a CPU with AMX, or a GPU other than an A100, takes
    less or more. None if `count` does not know the network.
    """
    found, cost = estimate(recipe, count), count(recipe.final)
    if found is None or cost is None:
        return None
    predictions = (
        (count(stage) or cost).gmacs * stage.epochs * (STEP * trained_on + held_out / stage.score_every)
        for stage in recipe.staged
    )
    tmacs = (sum(predictions) + cost.gmacs * held_out) / 1e3
    # The best weights, those of each stage before, those to choose or to average from, and the last state, which holds
    # two moments more.
    candidates = CANDIDATES if held_out else 0
    copies = len(recipe.staged) + max(candidates, recipe.final.average_best) + 3 + bool(recipe.ema)
    return RunCost(
        gpu_gb=found.gpu_gb,
        gpu_hours=runs * tmacs / GPU_TMACS / 3600,
        core_hours=runs * (tmacs / CORE_TMACS + START) / 3600,
        disk_mb=round(runs * (copies * cost.parameters * 4 / 1e6 + held_out * MAP_MB), 1),
    )


def table_lines(costs: Mapping[Network, Cost]) -> str:
    """The table as text, one row per network."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, *(field.name for field in fields(Cost))])
    writer.writerows([*network, *asdict(cost).values()] for network, cost in costs.items())
    return file.getvalue()


def _row(row: Mapping[str, str]) -> tuple[Network, Cost]:
    # A key that came after the table was counted had its default in all of its networks.
    network = tuple(row[name] if name in row else _text(KEYS[name].default) for name in COLUMNS)
    numbers = (int(row["parameters"]), float(row["gmacs"]), float(row["activation_mb"]))
    return network, Cost(*numbers, row["licence"])


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _gigabytes(stage: Recipe, cost: Cost, kept_as: float = HALF) -> float:
    share = (stage.crop / SIZE) ** 2 if stage.crop else 1.0
    kept = stage.batch * share * cost.activation_mb * kept_as / 1e3
    return BASE_GB + cost.parameters * BYTES_A_WEIGHT / 1e9 + kept


def _hours(stage: Recipe, cost: Cost) -> float:
    scenes = stage.epochs * RECORDS * (FOLDS - 1) / FOLDS
    return scenes * STEP * cost.gmacs / (GPU_TMACS * 1e3) / 3600
