"""Sampling: in which order an epoch meets the training records."""

from collections.abc import Iterator, Sequence
from itertools import islice

import torch


def epoch_order(records: int, length: int, draws: torch.Generator) -> list[int]:
    """Numbers of the records that an epoch of `length` scenes meets: pass after pass over all, each in a new order.

    An epoch of crops makes several passes, any other at most a part of a second one.
    """
    return list(islice(_passes(range(records), draws), length))


def _passes(numbers: Sequence[int], draws: torch.Generator) -> Iterator[int]:
    while True:
        yield from (numbers[i] for i in torch.randperm(len(numbers), generator=draws).tolist())
