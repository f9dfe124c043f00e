"""Free memory: of the machine, or of the container if its limit is lower; memory that is kept for the next batch."""

import ctypes
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.errors import UsageError
from core.ranks import local_world_size

MACHINE = Path("/proc/meminfo")
GROUPS_OF_THIS_PROCESS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")
# Files of a control group, version 2 and 1: limit, memory used, and the part of it that is reclaimable file cache.
SECOND = ("memory.max", "memory.current", ("inactive_file", "active_file"))
FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))
# Parameters of glibc's mallopt, and the largest value of both.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1
_OWN_LIMIT: list[int] = []  # bytes: none or one


class Memory(NamedTuple):
    """Free and total memory, bytes."""

    free: int
    total: int

    @property
    def free_share(self) -> float:
        """Free share of the total, 0 to 1."""
        return max(self.free, 0) / self.total


class DeviceMemory(NamedTuple):
    """Memory of the device that trains, GB; card: its name, empty for a CPU."""

    card: str
    gb: float


def device_memory(device: str = "auto") -> DeviceMemory:
    """Memory of a device: of the NVIDIA card that "auto", "cuda" or "cuda:N" takes, else of the machine."""
    kind, _, number = device.partition(":")
    cards = _cards() if kind in ("auto", "cuda") else []
    if int(number or 0) < len(cards):
        return cards[int(number or 0)]
    return DeviceMemory("", memory().total / 1e9)


def memory() -> Memory:
    """Measure memory by the limit that is lowest for this process; cached files count as free."""
    return min([_machine(), *_limits(), *_own_limit()])


def limit_memory(gb: float | None) -> None:
    """Count memory beyond so many GB as not there, from now on; None lifts the limit.

    The processes of torchrun on a machine share the limit. UsageError if they have more already.
    """
    taken, processes = resident(), local_world_size()
    if gb is not None and taken > gb * 1e9 / processes:
        start = f"{taken * processes / 1e9:.1f} GB"
        raise UsageError(f"--max-ram {gb:g}: training takes {start} before it reads a record; raise it")
    _OWN_LIMIT[:] = [] if gb is None else [int(gb * 1e9 / processes)]


def resident() -> int:
    """Resident set of this process, bytes; where the system does not tell it, the largest so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _own_limit() -> Iterator[Memory]:
    for most in _OWN_LIMIT:
        yield Memory(most - resident(), most)


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed, rather than return large arrays to the system and clear new ones page by page.

    Activations and batches have the same sizes in every step: a step of `lite0-fc-t5-ema` takes 13 % less processor
    time. The process then stays at the size of its largest step. True if it is so from now on; False without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, LARGEST))


def _cards() -> list[DeviceMemory]:
    """NVIDIA cards, as the driver's own tool lists them: loading torch would take seconds."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        rows = [line.rpartition(",") for line in done.stdout.splitlines()]
        return [DeviceMemory(name.strip(), int(mebibytes) * 2**20 / 1e9) for name, _, mebibytes in rows]
    except (OSError, subprocess.SubprocessError, ValueError):  # a driver that does not answer
        return []


def _machine() -> Memory:
    try:
        rows = dict(line.split(":", 1) for line in MACHINE.read_text().splitlines())
        free, total = (1024 * int(rows[key].split()[0]) for key in ("MemAvailable", "MemTotal"))
        return Memory(free, total)
    except (OSError, ValueError, KeyError):
        # Not Linux: all memory but that of this process.
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return Memory(total - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, total)


def _limits() -> Iterator[Memory]:
    """Limits of the control groups of this process, its own and those above it."""
    try:
        lines = GROUPS_OF_THIS_PROCESS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, names = (GROUPS / "memory", FIRST) if controllers else (GROUPS, SECOND)
        place = top / path.lstrip("/")
        # In a container its own group is at the top, whatever path it reads.
        for folder in (place, *place.parents):
            if folder.is_relative_to(top):
                yield from _limit(folder, *names)


def _limit(folder: Path, limit: str, taken: str, cached: tuple[str, ...]) -> Iterator[Memory]:
    try:
        total = int((folder / limit).read_text())
        rows = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        used = int((folder / taken).read_text()) - sum(int(rows[key]) for key in cached)
    except (OSError, ValueError, KeyError):  # "max", or no such group here
        return
    yield Memory(total - used, total)
