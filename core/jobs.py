"""Number of threads or processes of a call, by default all cores."""

from os import cpu_count

from core.ranks import local_world_size


def job_count(jobs: int | None) -> int:
    """Return `jobs`, or the number of cores if it is None or 0, shared among the processes of torchrun.

    >>> job_count(3)
    3
    """
    return jobs or max(1, (cpu_count() or 1) // local_world_size())
