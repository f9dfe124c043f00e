"""Threads and processes of a call: how many, by default all cores, and pools of threads."""

import mmap
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from core.ranks import local_world_size

ROOM = 16 << 20  # bytes that a thread needs until it works: its stack, 8 MB, and what it allocates at its start


def job_count(jobs: int | None) -> int:
    """Return `jobs`, or the number of cores if it is None or 0, shared among the processes of torchrun.

    >>> job_count(3)
    3
    """
    return jobs or max(1, (cpu_count() or 1) // local_world_size())


def thread_pool(threads: int, name: str = "") -> ThreadPoolExecutor:
    """Pool of threads; MemoryError if there is no memory to start them.

    A thread that runs out of memory at its start never reports it, and CPython waits for that report for good.
    """
    try:
        mmap.mmap(-1, threads * ROOM, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise MemoryError(f"no memory for {threads} threads") from error
    return ThreadPoolExecutor(threads, name)
