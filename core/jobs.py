"""Number of threads or processes that a call may use: all cores, unless it says otherwise."""

from os import cpu_count


def job_count(jobs: int | None) -> int:
    """Return the number asked for, or that of all cores.

    >>> job_count(3)
    3
    """
    return jobs or cpu_count() or 1
