"""Classes of records: by their split, the contrails in them, their temperature, the agreement of their labelers.

In: `RecordErrors`. Out: the records of each class. Bounds are fixed, so that two reports can be compared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.record import COLD, RecordErrors

Records = Sequence[RecordErrors]


@dataclass(frozen=True)
class Classes:
    """Classes of a value; each bound is the first value of the next class."""

    name: str
    title: str
    value: Callable[[RecordErrors], float | None]  # None: the record is in no class
    bounds: tuple[float, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.bounds) + 1:
            raise ValueError(f"{self.name}: {len(self.labels)} labels for {len(self.bounds)} bounds")

    def split(self, records: Records) -> Iterator[tuple[str, Records]]:
        """Records of each class that has any."""
        known = [(value, record) for record in records if (value := self.value(record)) is not None]
        where = np.searchsorted(self.bounds, [value for value, _ in known], side="right")
        for number, label in enumerate(self.labels):
            found = [record for (_, record), at in zip(known, where) if at == number]
            if found:
                yield label, found


def ranges(bounds: Sequence[int], first: str) -> tuple[str, ...]:
    """Labels of whole numbers: `first` below the first bound, then each range.

    >>> ranges((1, 2, 5), "none")
    ('none', '1', '2-4', '5 or more')
    """
    between = (str(low) if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(bounds))
    return (first, *between, f"{bounds[-1]} or more")


SIZES = (10, 25, 50, 100, 200)  # pixels of a contrail; labelers were asked for at least 10
SIZE_LABELS = ranges(SIZES, "under 10")
LARGEST, NUMBERS = (1, 50, 100, 200, 400), (1, 2, 5, 10)
SPLITS = ("train", "validation")
STRATA = (
    Classes("split", "split", lambda one: SPLITS.index(one.split) if one.split in SPLITS else None, (1,), SPLITS),
    Classes("largest_contrail", "largest contrail", lambda one: one.largest, LARGEST, ranges(LARGEST, "none")),
    Classes("contrails", "contrails", lambda one: len(one.sizes), NUMBERS, ranges(NUMBERS, "none")),
    Classes(
        "t14", "median T14, K", lambda one: one.t14, (250, 265, 280), ("under 250", "250-265", "265-280", "280 or more")
    ),
    Classes(
        "cold",
        f"T14 under {COLD:.0f} K",
        lambda one: one.cold,
        (0.01, 0.1, 0.4),
        ("under 1 %", "1-10 %", "10-40 %", "40 % or more"),
    ),
    Classes(
        "agreement",
        "Dice of two labelers",
        lambda one: one.agreement,
        (0.5, 0.6, 0.7),
        ("under 0.5", "0.5-0.6", "0.6-0.7", "0.7 or more"),
    ),
)
