"""Blending: from members' maps to levels by integer tables, integer weights and one integer sum.

A member's uint8 value goes through a 256-entry table, and a blend is the sum of table entries times weights that add up
to 2**16. Everything is an integer, so fit and submit see the same bits on any machine, in any thread order.

A threshold is one of `CANDIDATES` evenly spaced levels, or level 0, which takes every pixel. They are a power of two
apart, so `level >> shift` is the number of candidates that a pixel passes, and counting in those bins is exact at every
candidate: 1/1020 of a probability with the identity table, four steps to each step of the maps themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.registry import NoFacts, Registry

TOTAL = 1 << 16
COARSE = 256  # unit of weights that a search tries: 1/256 of the whole, counted in 16 bits
CANDIDATES = 1020
BINS = CANDIDATES + 1
FINE_TOP = 255 * 16  # a non-linear table needs finer entries than the map's own 255
LOGIT_EDGE = 0.25  # values 0 and 255 are read as a quarter of a step from certainty


@dataclass(frozen=True, eq=False)
class Table:
    """Non-decreasing map from uint8 value to table entry, (256,) int64, from 0 to 255 or to 255 * 16."""

    name: str
    entries: NDArray[np.int64]

    def __post_init__(self) -> None:
        entries = self.entries
        rises = entries.shape == (256,) and entries[0] == 0 and (np.diff(entries) >= 0).all()
        if not rises or entries[-1] not in (255, FINE_TOP):
            raise ValueError(f"table {self.name}: must rise from 0 to 255 or {FINE_TOP} over 256 entries")

    @property
    def top(self) -> int:
        """Highest level that a blend of this table reaches."""
        return int(self.entries[-1]) * TOTAL

    @property
    def shift(self) -> int:
        """Bits between neighbouring candidate levels: `level >> shift` is a pixel's bin."""
        return (self.top // CANDIDATES).bit_length() - 1

    @property
    def linear(self) -> bool:
        """True if every entry is the value itself."""
        return bool(self.entries[-1] == 255 and (self.entries == np.arange(256)).all())

    def floor_bin(self, eps: int) -> int:
        """Lowest bin that no blend of values below `eps` reaches, whatever the weights."""
        below = int(self.entries[eps - 1]) * TOTAL if eps > 0 else -1
        return (below >> self.shift) + 1

    def probability(self, level: int) -> float:
        """Probability of a level, interpolated between two values of the map."""
        return float(np.interp(level / TOTAL, self.entries, np.arange(256) / 255))


TABLES: Registry[Callable[[], Table], NoFacts] = Registry("table", NoFacts)


@TABLES.register("identity")
def identity_table() -> Table:
    """Make the table of entry = value: a blend is a weighted mean of probabilities."""
    return Table("identity", np.arange(256, dtype=np.int64))


@TABLES.register("logit")
def logit_table() -> Table:
    """Make the table of shifted and scaled logits: a blend is a weighted mean of logits."""
    value = np.clip(np.arange(256, dtype=np.float64), LOGIT_EDGE, 255 - LOGIT_EDGE) / 255
    logit = np.log(value / (1 - value))
    scaled = (logit - logit[0]) / (logit[-1] - logit[0])
    return Table("logit", np.rint(scaled * FINE_TOP).astype(np.int64))


@cache
def table(name: str) -> Table:
    """Return the table of this name; raises UnknownName."""
    return TABLES.get(name)()


@dataclass(frozen=True)
class Blend:
    """Integer weights of all members, sum 2**16, and the table that their values go through first."""

    weights: tuple[int, ...]
    table: str = "identity"

    def __post_init__(self) -> None:
        if sum(self.weights) != TOTAL or min(self.weights) < 0:
            raise ValueError(f"weights {self.weights}: must not be negative and add up to {TOTAL}")

    def floor(self, eps: int) -> int:
        """Lowest bin that is a candidate for a threshold: pixels where all members are below `eps` do not reach it."""
        return table(self.table).floor_bin(eps)

    def probability(self, number: int) -> float:
        """Probability at the lower edge of a bin."""
        by = table(self.table)
        return by.probability(number << by.shift)


def whole_weights(shares: Sequence[float] | NDArray[np.float64], unit: int = 1) -> tuple[int, ...]:
    """Round non-negative shares to multiples of `unit`, a power of two, that add up to 2**16.

    Largest remainders are rounded up first, ties go to the earlier member. ValueError for shares that are all 0.
    """
    values = np.asarray(shares, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        raise ValueError(f"weights must be finite, not negative and not all zero: {list(shares)}")
    exact = values / values.sum() * (TOTAL // unit)
    whole = np.floor(exact).astype(np.int64)
    missing = TOTAL // unit - int(whole.sum())
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[:missing]] += 1
    return tuple(int(value) * unit for value in whole)


def mixed_weights(first: Sequence[int], second: Sequence[int], step: float) -> tuple[int, ...]:
    """Mix two sets of weights: `step` of the way from `first` to `second`."""
    return whole_weights((1 - step) * np.asarray(first) + step * np.asarray(second))


def as_uint8(maps: NDArray[Any], where: str = "the maps", ids: Sequence[str] | None = None) -> NDArray[np.uint8]:
    """Round probability maps to uint8: floats by rint(p * 255), uint16 half up in integers; uint8 is returned as it is.

    maps: (n, H, W); ids: names of the n records, by default their numbers
    Raises UserError, beginning with `where`, for another dtype, for NaN or for values outside [0, 1].
    """
    if maps.dtype == np.uint8:
        return maps
    if maps.dtype == np.uint16:
        return ((maps.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if maps.dtype.kind != "f":
        raise UserError(f"{where} are {maps.dtype}; give probabilities as floats, uint8 or uint16")
    # float16 would round in between; min and max carry a NaN along.
    wide = maps.astype(np.promote_types(maps.dtype, np.float32))
    low, high = (float(wide.min()), float(wide.max())) if wide.size else (0.0, 0.0)
    if np.isnan(low):
        row = int(np.flatnonzero(np.isnan(wide).any(axis=(1, 2)))[0])
        raise UserError(f"{where} hold NaN in record {row if ids is None else ids[row]}")
    if not (low >= 0 and high <= 1):
        raise UserError(f"{where} reach from {low:g} to {high:g}; probabilities lie in [0, 1]")
    return np.rint(wide * wide.dtype.type(255)).astype(np.uint8)


def levels(maps: Mapping[str, NDArray[np.uint8]], weights: Mapping[str, int], by: Table) -> NDArray[np.int32]:
    """Blend dense maps: the sum over members of table entry times weight.

    maps: member -> (n, H, W) uint8, probability * 255; weights: member -> int, sum 2**16
    returns: (n, H, W) int32, levels from 0 to `by.top`
    """
    total: NDArray[np.int32] | None = None
    for name, weight in weights.items():
        if weight:
            part = (by.entries * weight).astype(np.int32)[maps[name]]
            total = part if total is None else total + part
    if total is None:
        raise ValueError("a blend needs a member with a weight")
    return total
