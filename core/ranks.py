"""Ranks: which of the processes of one command this is, as `torchrun` tells each of them.

In: the environment. Out: numbers; 0 of 1 without torchrun. Stays outside: torch.
"""

import os


def rank() -> int:
    """Number of this process, from 0; process 0 leads."""
    return int(os.environ.get("RANK", 0))


def local_rank() -> int:
    """Number of this process on its machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def world_size() -> int:
    """Number of processes on all machines."""
    return int(os.environ.get("WORLD_SIZE", 1))


def local_world_size() -> int:
    """Number of processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def is_follower() -> bool:
    """True for every process but the first, which alone writes and speaks."""
    return world_size() > 1 and rank() > 0
