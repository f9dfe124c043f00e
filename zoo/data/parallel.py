"""Parallel map over many records, with progress, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

from core.jobs import job_count, thread_pool
from core.listener import Listener

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2  # results a thread that may wait for the caller


def parallel_map(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int | None, listener: Listener, task: str
) -> Iterator[Result]:
    """Yield the results in the order of the items; `listener` hears of a task with one step for each item.

    A caller that is slower than the threads, such as one that writes to a disk, makes them wait.
    """
    threads = job_count(jobs)
    waiting: deque[Future[Result]] = deque()

    def ended(left: int) -> Iterator[Result]:
        while len(waiting) > left:
            result = waiting.popleft().result()
            listener.advance()
            yield result

    # Reading and numpy let go of the interpreter: threads start at once and share the cache.
    with listener.task(task, len(items)), thread_pool(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                yield from ended(AHEAD * threads)
            yield from ended(0)
        finally:
            pool.shutdown(cancel_futures=True)
