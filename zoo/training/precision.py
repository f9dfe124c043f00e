"""In which precision a device computes: full, or a half one where that is really faster.

bfloat16 is 5 to 50 times slower than float32 on a CPU without AMX, float16 wants its gradients scaled, some cards only
emulate one of them: what is fastest here is found out, not assumed.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch
from torch import nn

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
# A half precision has to be so many times as fast to be worth its rounding; on a CPU with matrix units it is.
FASTER = {"cuda": 1.2, "cpu": 2.0}
# Batch, channels and side of the convolution that is timed: milliseconds in float32.
PROBES = {"cuda": (16, 128, 64), "cpu": (2, 32, 32)}
ROUNDS, BUDGET = 12, 0.3  # so many steps of each precision, in no more than so many seconds and one step


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Within it, layers that can compute in `precision` (fp32, bf16, fp16)."""
    return torch.autocast(device.type, dtype=HALVES[precision]) if precision in HALVES else nullcontext()


def training_precision(wanted: str, device: torch.device) -> str:
    """The precision to train in: the recipe's own, or for `auto` the one that is fastest here."""
    return fastest(device) if wanted == "auto" else wanted


def prediction_precision(wanted: str, device: torch.device) -> str:
    """The precision to predict in: float32 where the recipe insists on it, else what is fastest here.

    A half precision that suited the card a member was trained on may be a drag, or rougher, on this device.
    """
    return "fp32" if wanted == "fp32" else fastest(device)


@lru_cache(maxsize=4)
def fastest(device: torch.device) -> str:
    """bf16, else fp16, where a small convolution trains so much faster in it than in float32; else fp32."""
    if device.type not in PROBES:
        return "fp32"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for one another where the machine is busy, and time nothing but that
    try:
        limit = _seconds(device, "fp32") / FASTER[device.type]
        return next((name for name in HALVES if _seconds(device, name) <= limit), "fp32")
    finally:
        torch.set_num_threads(threads)


def _seconds(device: torch.device, precision: str) -> float:
    """One step's forward and backward: the quickest of several, for others may be at work; infinity where it fails."""
    batch, channels, side = PROBES[device.type]
    layer = nn.Conv2d(channels, channels, 3, padding=1, device=device)
    images = torch.ones(batch, channels, side, side, device=device)
    quickest, begun = float("inf"), time.perf_counter()
    for number in range(ROUNDS):
        start = time.perf_counter()
        try:
            with autocast(device, precision):
                total = layer(images).float().sum()
            total.backward()
        except RuntimeError:
            return float("inf")
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        end = time.perf_counter()
        if number:  # the first one warms up
            quickest = min(quickest, end - start)
        if end - begun > BUDGET:
            break
    return quickest
