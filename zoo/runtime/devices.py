"""Compute device and number of CPU threads, and their effect on the last bits of a training."""

import torch
import torch.distributed as dist

from core.errors import UsageError
from zoo.runtime.memory import keep_freed_memory


def choose_device(name: str) -> torch.device:
    """Choose a device by name; "auto" is cuda, else mps, else cpu. UsageError if this machine has none such."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.partition(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[kind]
    if not there:
        raise UsageError(f"--device {name}: this machine has none; give --device cpu or auto")
    return torch.device(name)


def environment(device: torch.device) -> dict[str, str | int]:
    """Settings that change the last bits of a training: device, threads on a CPU, processes if several, torch version.

    The gradients of a convolution's weights are sums over the batch, which are split by the number of threads.
    """
    if device.type == "cpu":
        kind: dict[str, str | int] = {
            "device": f"cpu {torch.backends.cpu.get_cpu_capability()}", "threads": torch.get_num_threads(),
        }  # fmt: skip
    else:
        kind = {"device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type}
    team = {"processes": dist.get_world_size()} if dist.is_initialized() else {}
    return kind | team | {"torch": str(torch.__version__)}


def set_threads(jobs: int) -> None:
    """Set the number of threads that compute on a CPU, and keep the memory that they free for their next batch."""
    torch.set_num_threads(jobs)
    keep_freed_memory()
