"""Search space: the values that `zoo tune` may try for a recipe's keys, from the `[tune]` table of a member's TOML.

In: the table. Out: a Space, which is no part of what is trained and counts in no hash. Stays outside: the search
(zoo.training.tuning).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import UnknownName, UserError
from zoo.members.toml import frozen


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`, inclusive; integers if both bounds are. log: every decade is equally likely."""

    low: float
    high: float
    log: bool = False
    where: str = field(default="", compare=False, repr=False)  # file and key

    @property
    def whole(self) -> bool:
        """True if this is a range of integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def tried(self) -> tuple[Any, ...]:
        """Values that are checked for all: the ends, and `low + 1` of whole numbers, which not every key takes."""
        return (self.low, self.low + 1, self.high) if self.whole else (self.low, self.high)

    def __contains__(self, value: object) -> bool:
        fits = isinstance(value, int | float) and self.low <= value <= self.high
        return fits and (not self.whole or value == int(value))  # type: ignore[call-overload]


@dataclass(frozen=True)
class Choice:
    """Choice of one of these values, as they stand in the TOML."""

    values: tuple[Any, ...]
    where: str = field(default="", compare=False, repr=False)  # file and key

    @property
    def tried(self) -> tuple[Any, ...]:
        """Values that are checked: all of them."""
        return self.values

    def __contains__(self, value: object) -> bool:
        return value in self.values


Space = tuple[tuple[str, Range | Choice], ...]


def parse_space(table: Mapping[str, Any], known: Collection[str], where: str) -> Space:
    """Search space of a `[tune]` table: lists of values, or {low, high, log}; UserError names the key at fault."""
    table = _flat(table)
    for key in table:
        if key not in known and not key.startswith("stages."):
            raise UnknownName("key", key, known, f"{where}: [tune]")
    return tuple((key, _entry(value, f"{where}: [tune] {key}")) for key, value in table.items())


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """Join the keys of nested tables: `stages.2.lr` without quotes is a table in a table to TOML."""
    stages = table.get("stages")
    if not isinstance(stages, dict):
        return dict(table)
    inner = {
        f"stages.{number}.{key}": value
        for number, keys in stages.items()
        for key, value in (keys.items() if isinstance(keys, dict) else [("", keys)])
    }
    return {key: value for key, value in table.items() if key != "stages"} | inner


def _entry(value: Any, where: str) -> Range | Choice:
    if isinstance(value, list) and value:
        return Choice(tuple(frozen(one) for one in value), where)
    if not isinstance(value, dict):
        raise UserError(f"{where} = {value!r}; give a list of values, or {{low = 1e-4, high = 1e-2, log = true}}")
    for key in value:
        if key not in ("low", "high", "log"):
            raise UnknownName("key", key, ("low", "high", "log"), where)
    ends: tuple[Any, Any] = value.get("low"), value.get("high")
    if not all(type(end) in (int, float) for end in ends) or not ends[0] < ends[1]:
        raise UserError(f"{where}: give low and high, numbers, the first one below the second")
    if value.get("log") and ends[0] <= 0:
        raise UserError(f"{where}: log needs low above 0")
    return Range(low=ends[0], high=ends[1], log=bool(value.get("log", False)), where=where)


def value_text(value: Any) -> str:
    """Text of a searched value; None stands for a key in which the stages of the member as it is differ."""
    if value is None:
        return "by stage"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
