"""Work in a fork of the test's process: everything is loaded already, and it may be killed."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from core.locks import Claimed, claim

REFUSED = 7  # exit code of a child whose claim was refused


def forked(work: Callable[[], object]) -> int:
    """Start work in a child; its process id. The child exits with 0, or with 1 after an exception."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)  # the parent's other threads are not there: a child that waits for them hangs
        work()
        code = 0
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    """Wait for a child: its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def at_once(works: Sequence[Callable[[], object]]) -> list[int]:
    """Do works at the same time, each in a child: their exit codes, `REFUSED` where another held the claim."""
    barrier = multiprocessing.Barrier(len(works))

    def start(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except Claimed:
            os._exit(REFUSED)

    return [exit_code(child) for child in [forked(lambda work=work: start(work)) for work in works]]


class Holding:
    """Child that holds the claim on a path until it is told to end, or is killed."""

    def __init__(self, path: Path, doing: str = "is being written") -> None:
        self._end = multiprocessing.Event()
        holds = multiprocessing.Event()

        def hold() -> None:
            with claim(path, doing):
                holds.set()
                self._end.wait(60)  # or until nobody waits for it any more

        self.process = forked(hold)
        assert holds.wait(10)

    def end(self) -> None:
        """Let it end."""
        self._end.set()
        assert exit_code(self.process) == 0

    def kill(self) -> None:
        """End it by signal 9."""
        os.kill(self.process, signal.SIGKILL)
        assert exit_code(self.process) == -signal.SIGKILL
