"""Batches read by threads while those before them are at work; the same batches in the same order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import torch

Item = TypeVar("Item")
Batch = TypeVar("Batch")

MOST_THREADS = 8  # each holds a batch in memory, and more of them would wait for the interpreter, not for files


def prefetch_threads() -> int:
    """How many threads read: half of those that compute (`set_threads`), for the network may need them all."""
    return min(max(torch.get_num_threads() // 2, 1), MOST_THREADS)


@contextmanager
def prefetch(read: Callable[[Item], Batch], items: Iterable[Item]) -> Iterator[Iterator[Batch]]:
    """What `read` makes of each item, in their order; so many at once as threads read, and one more is waiting.

    What goes wrong in a thread is raised where its batch would have come. The threads end with the block, however
    that is left.
    """
    pool = ThreadPoolExecutor(prefetch_threads(), "read")
    try:
        yield _in_order(pool, read, iter(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, read: Callable[[Item], Batch], items: Iterator[Item]) -> Iterator[Batch]:
    waiting = deque(pool.submit(read, item) for item in islice(items, prefetch_threads() + 1))
    while waiting:
        batch = waiting.popleft().result()
        waiting.extend(pool.submit(read, item) for item in islice(items, 1))
        yield batch
