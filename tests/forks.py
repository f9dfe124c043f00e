"""Work in a fork of the test's process: everything is loaded already, and it may be killed."""

import os
import sys
from collections.abc import Callable


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
