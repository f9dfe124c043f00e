"""In which precision a device computes: full, or a half one where that is really faster.

bfloat16 is 5 to 50 times slower than float32 on a CPU without AMX, float16 wants its gradients scaled, some cards only
emulate one of them. So a half precision is thought of only where the device has units for it, and taken only where a
stopwatch agrees; without such units the verdict would be close, and another one in another process.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch
from torch import nn

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
FASTER = 1.2  # a half precision has to be so many times as fast to be worth its rounding
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
    """The precision to predict in: float32 on a CPU or where the recipe insists on it, else what is fastest here.

    On a CPU the same command makes the same bytes, whichever CPU it is.
    """
    return "fp32" if wanted == "fp32" or device.type == "cpu" else fastest(device)


@lru_cache(maxsize=4)
def fastest(device: torch.device) -> str:
    """The half precision that the device has units for, where a small convolution trains faster in it; else fp32."""
    half = half_of(device)
    if half is None:
        return "fp32"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for one another where the machine is busy, and time nothing but that
    try:
        return half if _seconds(device, half) * FASTER <= _seconds(device, "fp32") else "fp32"
    finally:
        torch.set_num_threads(threads)


def half_of(device: torch.device) -> str | None:
    """bf16 where a CPU has AMX or a card has capability 8.0 (Ampere), fp16 from 7.0 (Volta); None elsewhere."""
    if device.type == "cpu":
        has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)  # a private name that older releases lack
        return "bf16" if has_amx() else None
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return "bf16" if major >= 8 else "fp16" if major == 7 else None
    return None


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
