"""Dask cluster of forks of the test's process: a scheduler, and workers that are started anew when they are killed."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from distributed import Scheduler, Worker

from tests.forks import exit_code, forked


@contextmanager
def dask_cluster(workers: int = 2, deaths: int = 2) -> Iterator[str]:
    """Address of a cluster on loopback; its scheduler gives up on a unit after so many deaths of its workers.

    To be started before the process has a client, whose threads would not survive the fork.
    """
    read, write = os.pipe()
    children = [forked(lambda: asyncio.run(_schedule(write, deaths)))]
    os.close(write)
    try:
        with os.fdopen(read) as told:
            address = told.readline().strip()
        children += [forked(lambda: _keep(address)) for _ in range(workers)]
        yield address
    finally:
        for child in reversed(children):
            os.kill(child, signal.SIGTERM)
            exit_code(child)


async def _schedule(write: int, deaths: int) -> None:
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, allowed_failures=deaths - 1) as scheduler:
        os.write(write, f"{scheduler.address}\n".encode())
        os.close(write)
        await scheduler.finished()


def _keep(address: str) -> None:
    """Start a worker whenever the one before was killed, as a nanny does."""
    child = 0

    def end(*_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    ended = -signal.SIGKILL
    while ended == -signal.SIGKILL:
        child = forked(lambda: asyncio.run(_serve(address)))
        ended = exit_code(child)


async def _serve(address: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    async with Worker(address, nthreads=1, host="127.0.0.1", memory_limit=0, dashboard=False) as worker:
        await worker.finished()
