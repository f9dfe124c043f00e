"""Number of threads or processes of a call, by default all cores."""

from os import cpu_count


def job_count(jobs: int | None) -> int:
    """Return `jobs`, or the number of cores if it is None or 0.

    >>> job_count(3)
    3
    """
    return jobs or cpu_count() or 1
