"""Cluster: units of work on a Dask cluster, each run again if its worker dies.

In: the address of a scheduler, named units. Out: nothing; what a unit makes lies in folders that all machines share.
Stays outside: what a unit does, how schedulers and workers are started (docs/machines.md).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from core.command import Command
from core.errors import UsageError, UserError, advised
from core.listener import SILENT, Listener, Silent
from core.words import counted

if TYPE_CHECKING:
    from distributed import Client, Future

ADDRESS = re.compile(r"\w+://[^/\s]+:\d+")
CONNECT = 10.0  # seconds within which a scheduler answers
LOOK = 5.0  # seconds after which a wait looks whether there are workers
RETRIES = 2  # of a unit that raised anything but a UserError


@dataclass(frozen=True)
class Unit:
    """Named work that another machine can do: a function of an installed module, with its arguments bound.

    It may be killed at any moment and run again, also after its end: it must be atomic and resumable.
    """

    name: str
    work: Callable[[Listener], object]


class Killed(UserError):
    """Unit whose workers died."""


def run_units(address: str, units: Sequence[Unit], listener: Listener = SILENT) -> None:
    """Run units on the Dask cluster whose scheduler listens at `address`, in any order and at once.

    A unit whose worker dies is run again on another. The scheduler gives up on what was on several workers that died,
    be it what killed them or what waited behind it; such a unit is run once more on its own, after all others. The
    listener hears what the units report, and counts them.

    Raises UsageError for an address that is none; UserError if no scheduler answers or if it ends meanwhile and, once
    all other units have ended, if some have failed: it names them.
    """
    if not ADDRESS.fullmatch(address):
        raise UsageError(f"--on {address}: give the address of a Dask scheduler, tcp://HOST:PORT")
    with _connected(address) as client, listener.task(address, len(units)):
        cluster = _Cluster(address, client, _hear(client, listener), listener)
        ended = dict(cluster.run(units))
        accused = [unit for unit, fault in ended.items() if isinstance(fault, Killed)] if len(units) > 1 else []
        for unit in accused:
            listener.info(f"{unit.name}: {ended[unit]}; it is run once more, on its own")
            ended |= cluster.run([unit])
    if failed := {unit.name: fault for unit, fault in ended.items() if fault}:
        raise _failure(failed, len(units))


@contextmanager
def _connected(address: str) -> "Iterator[Client]":
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        what = f"{address}: no Dask scheduler answers ({error}); start one with `dask scheduler`, and workers"
        raise UserError(what) from error
    with client, client.as_current():
        try:
            yield client
        except CancelledError as error:
            raise UserError(f"{address}: the Dask scheduler has ended; run this command again to go on") from error


@dataclass(frozen=True)
class _Cluster:
    """Scheduler at an address, and the topic under which workers report."""

    address: str
    client: "Client"
    topic: str
    listener: Listener

    def run(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, UserError | None]]:
        """Run units at once; yields each when it ends, with its fault if it failed."""
        # Not pure: a unit is run although one of the same name ran before.
        futures = self.client.map(_work, units, topic=self.topic, retries=RETRIES, pure=False)
        unit_of = dict(zip(futures, units))
        for future in self._completed(futures):
            unit, fault = unit_of[future], _fault(future)
            if not isinstance(fault, Killed):
                self.listener.advance()
                self.listener.info(f"{unit.name}: {'failed' if fault else 'done'}")
            yield unit, fault

    def _completed(self, futures: "Sequence[Future]") -> "Iterator[Future]":
        """Yield futures as they end; a warning while there is no worker."""
        from distributed import wait

        waiting, warned = list(futures), False
        while waiting:
            try:
                ended = wait(waiting, timeout=LOOK, return_when="FIRST_COMPLETED")
            except TimeoutError:
                has_workers = bool(self.client.nthreads())
                if not (has_workers or warned):
                    self.listener.warn(f"{self.address}: has no workers; waiting for one")
                warned = not has_workers
                continue
            yield from ended.done
            waiting = list(ended.not_done)


def _fault(future: "Future") -> UserError | None:
    from distributed import KilledWorker

    if future.cancelled():
        raise CancelledError
    error = future.exception()
    if isinstance(error, KilledWorker):
        times, last = error.allowed_failures + 1, error.last_worker.address
        return Killed(f"{times} workers died with it, the last at {last}; perhaps for want of memory")
    if error:
        return UserError(f"{type(error).__name__}: {error}")
    fault: UserError | None = future.result()
    return fault


def _failure(failed: dict[str, UserError], count: int) -> UserError:
    """Error that names the units that failed, with the reason of the first."""
    (name, fault), *others = failed.items()
    what = f"{name}: {fault.what.removeprefix(f'{name}: ')}"
    if not others:
        return UserError(what, fault.do)
    return UserError(f"{len(failed)} of {counted(count, 'unit')} failed: {', '.join(failed)}; {what}", fault.do)


def _hear(client: "Client", listener: Listener) -> str:
    """Topic whose events the listener hears."""
    topic = f"units-{uuid4()}"

    def tell(event: tuple[float, tuple[str, str]]) -> None:
        kind, text = event[1]
        getattr(listener, kind)(text)

    client.subscribe_topic(topic, tell)
    return topic


def _work(unit: Unit, topic: str) -> UserError | None:
    """Do the work of a unit on a worker; a UserError is returned, for another try would end alike."""
    try:
        unit.work(_Reporter(topic))
    except UserError as error:
        return error
    return None


class _Reporter(Silent):
    """Listener on a worker, which sends what it hears to the client."""

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def info(self, text: str, do: Command | None = None) -> None:
        self._send("info", text, do)

    def note(self, text: str, do: Command | None = None) -> None:
        self._send("note", text, do)

    def warn(self, text: str, do: Command | None = None) -> None:
        self._send("warn", text, do)

    def _send(self, kind: str, text: str, do: Command | None) -> None:
        from distributed import get_worker

        worker: Any = get_worker()
        worker.log_event(self.topic, (kind, advised(text, do)))
