"""Explanations of text that is not a valid run-length encoding.

In: the text of one mask. Out: every rule that it breaks, with what to do about it.
Stays outside: valid text, lines, ids, files.
"""

import re
import unicodedata
from itertools import pairwise
from typing import NamedTuple

EMPTY = "-"

_PAIRS = 'write pairs "start length" of whole numbers, single spaces between them'
_NO_VALUES = ("", "nan", "none", "null", "na", "n/a", "<na>", "[]", '""', "''", "0", "0 0", "--")


class Trouble(NamedTuple):
    """Something wrong, and what to do about it."""

    what: str
    todo: str


def explain_rle(text: str, shape: tuple[int, int]) -> list[Trouble]:
    """Rules that the encoding of a mask (H, W) breaks, once each, with the first place; empty if it is valid."""
    if text == EMPTY:
        return []
    if text.strip().lower() in _NO_VALUES or text.strip() == EMPTY:
        shown = repr(text) if text else "an empty cell"
        return [Trouble(f"{shown} where a mask is expected", 'an empty mask is the single character "-"')]
    signs = _explain_signs(text)
    if signs:
        return signs
    numbers = [_number(word) for word in text.split()]
    troubles = _explain_spaces(text) + _explain_values(numbers, shape)
    return troubles or _explain_order(numbers)


def explain_sign(char: str) -> str:
    """Character with its code point and Unicode name: many look the same or are invisible."""
    return f"{char!r} (U+{ord(char):04X} {unicodedata.name(char, 'control character')})"


def _explain_signs(text: str) -> list[Trouble]:
    """Explain characters other than ASCII digits and spaces."""
    if len(text) < 64 and len(text.strip()) == 1 and unicodedata.category(text.strip()) == "Pd":
        return [Trouble(f"{explain_sign(text.strip())} for an empty mask", 'write the ASCII hyphen "-"')]
    foreign = re.search(r"[^0-9 ]", text, re.ASCII)
    if not foreign:
        return []
    word = next(word for word in re.split(r" ", text) if foreign[0] in word)[:40]
    if word.isspace() or not word or foreign[0] in ",;:|/\t":
        return [Trouble(f"{explain_sign(foreign[0])} between numbers", "separate them by single spaces")]
    if re.fullmatch(r"-[0-9]+", word, re.ASCII):
        return [Trouble(f"negative number {word}", "starts and lengths count from 1")]
    if re.fullmatch(r"[0-9]+\.[0-9]*|[0-9.]+[eE][+-]?[0-9]+", word, re.ASCII):
        return [Trouble(f"{word} is not an integer", "write integers; convert before formatting")]
    if word == EMPTY:
        return [Trouble('"-" beside other runs', '"-" stands alone and means an empty mask')]
    if foreign[0] in "[]()'\"":
        return [Trouble(f"{explain_sign(foreign[0])} around the runs", "write the bare numbers")]
    if not foreign[0].isascii() and foreign[0].isdigit():
        return [Trouble(f"{explain_sign(foreign[0])} is not an ASCII digit", "write the digits 0 to 9")]
    return [Trouble(f"{explain_sign(foreign[0])} in {word!r}", _PAIRS)]


def _explain_spaces(text: str) -> list[Trouble]:
    if text != text.strip(" "):
        return [Trouble("space at the start or the end of the cell", "strip it")]
    if "  " in text:
        return [Trouble("two spaces in a row", "separate the numbers by single spaces")]
    padded = re.search(r"(?<![0-9])0[0-9]+", text)
    return [Trouble(f"{padded[0][:40]} has leading zeros", "write plain numbers")] if padded else []


def _explain_values(numbers: list[int], shape: tuple[int, int]) -> list[Trouble]:
    """Explain an odd count, zeros, and runs that end beyond the last pixel."""
    pixels = shape[0] * shape[1]
    troubles = []
    if len(numbers) % 2:
        troubles.append(Trouble(f"odd count of numbers ({len(numbers)})", _PAIRS))
    starts, lengths = numbers[::2], numbers[1::2]
    if 0 in starts:
        troubles.append(Trouble("start 0", "pixels count from 1: add 1 to every start"))
    if 0 in lengths:
        place = lengths.index(0)
        troubles.append(Trouble(f"run {starts[place]} 0 has length 0", "leave out runs without pixels"))
    beyond = next((pair for pair in zip(starts, lengths) if sum(pair) > pixels + 1), None)
    if beyond is None and max(starts) > pixels:
        beyond = (max(starts), 0)
    if beyond:
        what = f"run {_short(beyond[0])} {_short(beyond[1])} ends beyond pixel {pixels}"
        todo = f"the mask is {shape[0]} x {shape[1]}: resize to it before the threshold"
        troubles.append(Trouble(what, todo))
    return troubles


def _explain_order(numbers: list[int]) -> list[Trouble]:
    """Explain unsorted and overlapping runs of numbers that are valid by themselves."""
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
    """Integer of a word; for thousands of digits, which Python refuses to read, one as far out of range."""
    return int(word) if len(word) <= 20 else int(word.lstrip("0")[:20] or "0")


def _short(number: int) -> str:
    text = str(number)
    return text if len(text) <= 8 else f"{text[:8]}..."
