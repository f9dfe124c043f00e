"""Sampling: in which order an epoch meets the training records."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise

import torch


def epoch_order(positive: Sequence[bool], length: int, share: float, draws: torch.Generator) -> list[int]:
    """Numbers of the records that an epoch of `length` scenes meets.

    They come in passes over all records, each in a new order; an epoch of crops makes several.
    share: of the scenes that are `positive`, evenly over the epoch, so that every batch has it to within a scene; both
    kinds of records then pass on their own. 0: as many as there are.
    """
    ones, others = ([number for number, marked in enumerate(positive) if marked == kind] for kind in (True, False))
    if not (share and ones and others):
        return list(islice(_passes(range(len(positive)), draws), length))
    streams = {True: _passes(ones, draws), False: _passes(others, draws)}
    return [next(streams[int(share * (place + 1)) > int(share * place)]) for place in range(length)]


def hard_order(hardness: Mapping[int, float], records: int, length: int, draws: torch.Generator) -> list[int]:
    """Draw `length` of the numbers 0 to `records` - 1, with replacement, each in proportion to its hardness.

    Records whose hardness is not known have the mean of the others.
    """
    mean = sum(hardness.values()) / len(hardness)
    weights = torch.tensor([hardness.get(number, mean) for number in range(records)], dtype=torch.float64)
    drawn: list[int] = torch.multinomial(weights + 1e-12, length, replacement=True, generator=draws).tolist()
    return drawn


def mixed_order(order: Sequence[int], others: Sequence[int], share: float) -> list[int]:
    """Order of an epoch in which a share of the scenes are others, evenly spread, each kind in its own order.

    order, others: as many numbers as the epoch meets scenes; of each, the first ones are met.

    >>> mixed_order([0, 1, 2, 3], [4, 5, 6, 7], 0.5)
    [0, 4, 1, 5]
    """
    met = (int(place * share) for place in range(len(order) + 1))  # others before each place
    return [others[before] if after > before else order[i - before] for i, (before, after) in enumerate(pairwise(met))]


def _passes(numbers: Sequence[int], draws: torch.Generator) -> Iterator[int]:
    while True:
        yield from (numbers[i] for i in torch.randperm(len(numbers), generator=draws).tolist())
