"""Parallel map over many records, with progress; joblib's backends reach other machines."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from core.jobs import job_count
from core.listener import Listener

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int | None, listener: Listener, task: str
) -> Iterator[Result]:
    """Yield the results in the order of the items; `listener` hears of a task with one step for each item."""
    from joblib import Parallel, delayed

    # Reading and numpy let go of the interpreter: threads start at once and share the cache.
    parallel = Parallel(n_jobs=job_count(jobs), prefer="threads", return_as="generator")
    with listener.task(task, len(items)):
        for result in parallel(delayed(function)(item) for item in items):
            listener.advance()
            yield result
