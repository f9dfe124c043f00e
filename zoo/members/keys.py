"""Keys of a recipe: one field each, with all facts of the key.

`key` makes the field; a list of keys anywhere else is a query on what the fields carry. The same rules hold for the
options that losses, augmentations, decoders and time mixings declare. Names that only torch's rooms know (encoders,
optimizers) are checked there, before anything starts.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal, get_origin

from core.command import Command
from core.errors import UnknownName, UsageError

LARGEST = sys.float_info.max
KEYS_LISTED_BY = Command("zoo show", "lite0-fc-t5")
WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", tuple: "a list"}
Part = Literal["network", "reading", "weights", "loss", "optimizer", "training", "speed"]


@dataclass(frozen=True)
class Rule:
    """Values that fit, as a test and in words."""

    fits: Callable[[Any], bool]
    words: str


COUNT = Rule(lambda value: 1 <= value <= 1_000_000, "give 1 to 1,000,000")
NOT_NEGATIVE = Rule(lambda value: value >= 0, "give 0 or more")
ABOVE_ZERO = Rule(lambda value: value > 0, "give a number above 0")
SHARE = Rule(lambda value: 0 <= value <= 1, "give a share, 0 to 1")
BELOW_ONE = Rule(lambda value: 0 <= value < 1, "give 0 to below 1")


@dataclass(frozen=True, kw_only=True)
class Option:
    """Value that is given by name: its kind, the values that fit, its default."""

    kind: type = str
    rule: Rule | None = None
    choices: Sequence[str] | Callable[[], Sequence[str]] = ()  # the names that fit; empty: any value
    default: Any = MISSING

    def check(self, where: str, name: str, value: Any) -> None:
        """Raise UsageError for a value of another kind, an unknown name, or one that breaks the rule."""
        check_kind(where, name, value, self.kind)
        known = self.choices() if callable(self.choices) else self.choices
        if known and value not in known:
            raise UnknownName(name, value, known, where)
        if self.rule and not self.rule.fits(value):
            raise refusal(where, name, value, self.rule.words)


@dataclass(frozen=True, kw_only=True)
class Key(Option):
    """Key of a recipe: an option that is part of what is trained, and counts in the hash."""

    part: Part  # network: what it is built from; reading: what of a record is read; weights: the first ones; ...
    always_hashed: bool = False  # counts in the hash at its default, too: a key of the first release
    fixed: bool = False  # the same in all stages
    asks_torch: bool = False  # whether a value fits is known to the rooms that load torch
    asks_run: bool = False  # whether a value fits is known with the records and the network at hand


def key(default: Any, part: Part, rule: Rule | None = None, **known: Any) -> Any:
    """Field of a recipe's key; `known`: any of `Key`. A key without a default is given MISSING."""
    told = Key(part=part, rule=rule, default=default, **known)
    return field(metadata={Key: told}) if default is MISSING else field(default=default, metadata={Key: told})


def keys_of_class(kind: type) -> dict[str, Key]:
    """Keys of a dataclass by name, in the order of its fields."""
    return {
        f.name: replace(f.metadata[Key], kind=get_origin(f.type) or f.type) for f in fields(kind) if Key in f.metadata
    }


def check_kind(where: str, name: str, value: Any, kind: type) -> None:
    """Raise UsageError for a value of another kind than `kind`."""
    # bool is an int to Python, and a whole number is a fine float to people; infinity and NaN have no hash.
    is_number = isinstance(value, (int, float)) and abs(value) <= LARGEST
    fits = is_number if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{where}: {name} = {value!r}; give {WORDS[kind]}{_meant_list(kind, name, value)}")


def refusal(where: str, name: str, value: Any, words: str) -> UsageError:
    """Error for a value of a key or an option, with the values that fit in words."""
    return UsageError(f"{where}: {name} = {list(value) if isinstance(value, tuple) else value!r}; {words}")


def _meant_list(kind: type, name: str, value: Any) -> str:
    """Numbers that only lack their brackets, as they are to be typed."""
    text = str(value).replace(" ", "")
    return f": {name}=[{text}]" if kind is tuple and re.fullmatch(r"[\d.]+(,[\d.]+)*,?", text) else ""
