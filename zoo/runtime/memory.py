"""How much memory may still be taken: what the machine has left, or a container's limit where that is less."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MACHINE = Path("/proc/meminfo")
GROUPS_OF_THIS_PROCESS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")
# Files of a control group: its limit, what it has taken, and what of that is cached files, which give way.
SECOND = ("memory.max", "memory.current", ("inactive_file", "active_file"))
FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))


class Memory(NamedTuple):
    """Bytes: what may still be taken, and what there is in all."""

    free: int
    total: int

    @property
    def free_share(self) -> float:
        """0 to 1."""
        return max(self.free, 0) / self.total


def memory() -> Memory:
    """Of this moment, by whatever limits the process most; cached files count as free."""
    return min([_machine(), *_limits()])


def _machine() -> Memory:
    try:
        rows = dict(line.split(":", 1) for line in MACHINE.read_text().splitlines())
        free, total = (1024 * int(rows[key].split()[0]) for key in ("MemAvailable", "MemTotal"))
        return Memory(free, total)
    except (OSError, ValueError, KeyError):
        # No Linux: what this process has not taken itself, as if it were alone.
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return Memory(total - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, total)


def _limits() -> Iterator[Memory]:
    """Of the control groups that the process is in, its own and those above it, where they set any."""
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
        # A container sees its own group at the top, whatever path it is told.
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
