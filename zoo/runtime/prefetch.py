"""Threads beside the network: they read the next batches, and write what it gave; all in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import torch

from core.jobs import thread_pool

Item = TypeVar("Item")
Batch = TypeVar("Batch")

WAITING = 8  # results that wait to be written
MOST_THREADS = 8  # each holds a batch in memory; more would wait for the interpreter and not for files


def prefetch_threads() -> int:
    """Number of threads that read: half of those that compute (`set_threads`), which the network may need all."""
    return min(max(torch.get_num_threads() // 2, 1), MOST_THREADS)


@contextmanager
def prefetch(read: Callable[[Item], Batch], items: Iterable[Item]) -> Iterator[Iterator[Batch]]:
    """Iterate over `read(item)` in the order of the items; each thread reads one ahead, and one more is ready.

    An error in a thread is raised in the place of its batch. The threads end with the block.
    """
    pool = thread_pool(prefetch_threads(), "read")
    try:
        yield _in_order(pool, read, iter(items))
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def in_background(write: Callable[[Item], object]) -> Iterator[Callable[[Item], None]]:
    """Function that lets a thread call `write` with each item, in order; the caller waits if many are left.

    An error of the thread is raised by a later call, or at the end of the block, with which the thread ends.
    """
    pool = thread_pool(1, "write")
    waiting: deque[Future[object]] = deque()

    def hand_over(item: Item) -> None:
        while waiting and (len(waiting) >= WAITING or waiting[0].done()):
            waiting.popleft().result()
        waiting.append(pool.submit(write, item))

    try:
        yield hand_over
        while waiting:
            waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, read: Callable[[Item], Batch], items: Iterator[Item]) -> Iterator[Batch]:
    waiting = deque(pool.submit(read, item) for item in islice(items, prefetch_threads() + 1))
    while waiting:
        batch = waiting.popleft().result()
        waiting.extend(pool.submit(read, item) for item in islice(items, 1))
        yield batch
