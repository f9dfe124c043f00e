"""The long run: every shipped member with its real encoder, at its own size, on two records (`make test-zoo`).

Each is measured in a process of its own and prints a row: weights, processor seconds of a training step and of a
prediction, peak memory. Weights are random: none have to be brought.
"""

import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from zoo.members import load_member, member_names
from zoo.members.costs import network_of

RECORDS = 2


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a member costs on this machine's processors, at a batch of two."""

    millions: float  # of weights
    step_seconds: float
    record_seconds: float  # of a prediction
    peak_mb: float  # of the whole process
    finite: bool
    predicted: tuple[int, ...]
    same_again: bool  # after the way through a checkpoint


def measure(name: str, folder: str) -> Figures:
    """One training step, one prediction, one way through a checkpoint."""
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch loads: threads that spin would count as work
    import numpy as np
    import torch

    from zoo.inference import probabilities
    from zoo.inputs import INPUTS
    from zoo.members import with_settings
    from zoo.models import build
    from zoo.runtime.checkpoints import load_weights, weights_of, write_weights
    from zoo.training.step import TrainStep

    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    recipe = with_settings(load_member(name).final, {"precision": "fp32", "checkpointing": False, "ema": 0.0})
    train_step = TrainStep(recipe, torch.device("cpu"), "none")
    train_step.begin_epoch(recipe.epochs)
    channels = INPUTS.facts(recipe.input).channels
    images = torch.rand(RECORDS, len(recipe.frames), channels, 256, 256)
    target = (torch.rand(RECORDS, recipe.heads, 256, 256) > 0.99).float()
    start = time.process_time()  # of all threads: what else the machine does, does not count
    loss = float(train_step.backward(images, target))
    train_step.update(recipe.lr, 0)
    stepped = time.process_time()
    network = train_step.network.eval()
    with torch.inference_mode():
        first = probabilities(network, images)
    predicted = time.process_time()
    path = Path(folder) / "weights.safetensors"
    write_weights(path, weights_of(network))
    again = build(recipe, "none").to(memory_format=torch.channels_last).eval()
    load_weights(path, again)
    with torch.inference_mode():
        second = probabilities(again, images)
    return Figures(
        millions=sum(p.numel() for p in network.parameters()) / 1e6,
        step_seconds=stepped - start,
        record_seconds=(predicted - stepped) / RECORDS,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        finite=bool(np.isfinite(loss)) and bool(np.isfinite(first).all()),
        predicted=first.shape,
        same_again=bool(np.allclose(first, second, atol=1e-5)),
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The figures of a member, measured once for those that have the same network, loss and optimizer."""
    known: dict[tuple[object, ...], Figures] = {}

    def figures(name: str) -> Figures:
        recipe = load_member(name).final
        key = (network_of(recipe), recipe.loss, recipe.target, recipe.optimizer)
        if key not in known:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
                known[key] = pool.submit(measure, name, str(tmp_path_factory.mktemp("measured"))).result()
        return known[key]

    return figures


@pytest.mark.long
@pytest.mark.parametrize("name", member_names())
def test_a_member_trains_predicts_and_comes_back_with_its_real_encoder(name, measured, capsys):
    found = measured(name)
    with capsys.disabled():
        figures = f"{found.millions:.1f} | {found.step_seconds:.1f} | {found.record_seconds:.2f} | {found.peak_mb:.0f}"
        print(f"| `{name}` | {figures} |")
    assert found.finite
    assert found.predicted == (RECORDS, 256, 256)
    assert found.same_again
