"""Which device computes, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from core.errors import UsageError


def choose_device(name: str) -> torch.device:
    """auto: cuda, else mps, else cpu; a device that is not there is a UsageError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[kind]
    if not there:
        raise UsageError(f"--device {name}: not on this machine; give --device cpu or auto")
    return torch.device(name)


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Mixed precision on CUDA; float32 elsewhere: bf16 is 5 to 50 times slower on a CPU without AMX."""
    if device.type != "cuda":
        return nullcontext()
    # float16 would want its gradients scaled; cards without bfloat16 compute in float32.
    return torch.autocast("cuda", dtype=torch.bfloat16, enabled=torch.cuda.is_bf16_supported())


def set_threads(jobs: int) -> None:
    """How many threads compute on a CPU."""
    torch.set_num_threads(jobs)
