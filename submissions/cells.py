"""What a cell must look like, and in words what is wrong with one. numpy alone: a check starts at once.

In: the text of one cell. Out: its runs, or every rule that it breaks with what to do.
Stays outside: lines, ids, files.
"""

import re
import unicodedata
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 256
PIXELS = SIDE * SIDE
EMPTY = "-"

# Numbers of one to five digits without a leading zero, single spaces between them.
_NUMBERS = re.compile(r"[1-9][0-9]{0,4}(?: [1-9][0-9]{0,4})*", re.ASCII)
_PAIRS = 'write pairs "start length" of whole numbers, single spaces between them'
_NO_VALUES = ("", "nan", "none", "null", "na", "n/a", "<na>", "[]", '""', "''", "0", "0 0", "--")


class Trouble(NamedTuple):
    """What is wrong, and what to do about it."""

    what: str
    todo: str


def read_cell(text: str) -> NDArray[np.int64] | None:
    """The runs of a sound cell, (n, 2) starts counted from 1 and lengths; None where it breaks a rule."""
    if text == EMPTY:
        return np.empty((0, 2), np.int64)
    if not _NUMBERS.fullmatch(text):
        return None
    numbers = np.fromstring(text, np.int64, sep=" ")
    if len(numbers) % 2:
        return None
    runs = numbers.reshape(-1, 2)
    ends = runs[:, 0] + runs[:, 1]
    if ends.max() > PIXELS + 1 or (runs[1:, 0] < ends[:-1]).any():
        return None
    return runs


def mask_of(runs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The mask (256, 256) bool of sound runs (n, 2)."""
    flat = np.zeros(PIXELS, bool)
    for start, length in runs.tolist():
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(SIDE, SIDE).T


def explain_cell(text: str) -> list[Trouble]:
    """Every rule that a cell breaks, once each, with the first place; empty for a sound one."""
    if read_cell(text) is not None:
        return []
    if text.strip().lower() in _NO_VALUES or text.strip() == EMPTY:
        shown = repr(text) if text else "an empty cell"
        return [Trouble(f"{shown} where a mask is expected", 'an empty mask is the single character "-"')]
    signs = _explain_signs(text)
    if signs:
        return signs
    numbers = [_number(word) for word in text.split()]
    troubles = _explain_spaces(text) + _explain_values(numbers)
    return troubles or _explain_order(numbers)


def explain_sign(char: str) -> str:
    """A character in words, for people who cannot see it."""
    return f"{char!r} (U+{ord(char):04X} {unicodedata.name(char, 'control character')})"


def _explain_signs(text: str) -> list[Trouble]:
    """What stands in the cell beside ASCII digits and spaces."""
    if len(text) < 64 and len(text.strip()) == 1 and unicodedata.category(text.strip()) == "Pd":
        return [Trouble(f"{explain_sign(text.strip())} for an empty mask", 'write the ASCII hyphen "-"')]
    foreign = re.search(r"[^0-9 ]", text, re.ASCII)
    if not foreign:
        return []
    word = next(word for word in re.split(r" ", text) if foreign[0] in word)[:40]
    if word.isspace() or not word:
        return [Trouble(f"{explain_sign(foreign[0])} between numbers", "separate them by single spaces")]
    if re.fullmatch(r"-[0-9]+", word, re.ASCII):
        return [Trouble(f"negative number {word}", "starts and lengths count from 1")]
    if re.fullmatch(r"[0-9]+\.[0-9]*|[0-9.]+[eE][+-]?[0-9]+", word, re.ASCII):
        return [Trouble(f"{word} is no whole number", "write integers; convert before formatting")]
    if word == EMPTY:
        return [Trouble('"-" beside other runs', '"-" stands alone and means an empty mask')]
    if foreign[0] in "[]()'\"":
        return [Trouble(f"{explain_sign(foreign[0])} around the runs", "write the bare numbers")]
    if not foreign[0].isascii() and foreign[0].isdigit():
        return [Trouble(f"{explain_sign(foreign[0])} is no ASCII digit", "write the digits 0 to 9")]
    if foreign[0] in ",;:|/\t":
        return [Trouble(f"{explain_sign(foreign[0])} between numbers", "separate them by single spaces")]
    return [Trouble(f"{explain_sign(foreign[0])} in {word!r}", _PAIRS)]


def _explain_spaces(text: str) -> list[Trouble]:
    if text != text.strip(" "):
        return [Trouble("space at the start or the end of the cell", "strip it")]
    if "  " in text:
        return [Trouble("two spaces in a row", "separate the numbers by single spaces")]
    padded = re.search(r"(?<![0-9])0[0-9]+", text)
    return [Trouble(f"{padded[0][:40]} has leading zeros", "write plain numbers")] if padded else []


def _explain_values(numbers: list[int]) -> list[Trouble]:
    """Odd count, zeros, and what lies beyond the last pixel."""
    troubles = []
    if len(numbers) % 2:
        troubles.append(Trouble(f"odd count of numbers ({len(numbers)})", _PAIRS))
    starts, lengths = numbers[::2], numbers[1::2]
    if 0 in starts:
        troubles.append(Trouble("start 0", "pixels count from 1: add 1 to every start"))
    if 0 in lengths:
        place = lengths.index(0)
        troubles.append(Trouble(f"run {starts[place]} 0 has length 0", "leave out runs without pixels"))
    beyond = next((pair for pair in zip(starts, lengths) if sum(pair) > PIXELS + 1), None)
    if beyond is None and max(starts) > PIXELS:
        beyond = (max(starts), 0)
    if beyond:
        what = f"run {_short(beyond[0])} {_short(beyond[1])} ends beyond pixel {PIXELS}"
        todo = f"the mask is {SIDE} x {SIDE}: shrink the mask to it before the threshold"
        troubles.append(Trouble(what, todo))
    return troubles


def _explain_order(numbers: list[int]) -> list[Trouble]:
    """Unsorted and overlapping runs; the numbers themselves are sound."""
    pairs = list(zip(numbers[::2], numbers[1::2]))
    troubles = []
    falling = next((both for both in pairwise(pairs) if both[1][0] < both[0][0]), None)
    if falling:
        what = f"start {falling[1][0]} after start {falling[0][0]}"
        troubles.append(Trouble(what, "sort the runs by their start"))
    pairs.sort()
    for first, second in pairwise(pairs):
        if second[0] < sum(first):
            what = f"run {second[0]} {second[1]} overlaps run {first[0]} {first[1]}"
            troubles.append(Trouble(what, "no pixel may be named twice: join the runs"))
            break
    return troubles


def _number(word: str) -> int:
    """An integer; of one with thousands of digits, which Python refuses to read, one as far out of range."""
    return int(word) if len(word) <= 20 else int(word.lstrip("0")[:20] or "0")


def _short(number: int) -> str:
    text = str(number)
    return text if len(text) <= 8 else f"{text[:8]}..."
