"""Which device computes, on how many threads."""

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


def set_threads(jobs: int) -> None:
    """How many threads compute on a CPU."""
    torch.set_num_threads(jobs)
