"""Compute device and number of CPU threads."""

import torch

from core.errors import UsageError


def choose_device(name: str) -> torch.device:
    """Choose a device by name; "auto" is cuda, else mps, else cpu. UsageError if this machine has none such."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[kind]
    if not there:
        raise UsageError(f"--device {name}: this machine has none; give --device cpu or auto")
    return torch.device(name)


def set_threads(jobs: int) -> None:
    """Set the number of threads that compute on a CPU."""
    torch.set_num_threads(jobs)
