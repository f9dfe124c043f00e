"""What a recipe's keys may be: one line a key, and the few rules that hold between keys.

In: a Recipe at its birth. Out: nothing, or one line that names member, key and what would fit. Names that only torch's
rooms know (encoders, optimizers) are checked there, before anything starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from zoo.data import SIZE

if TYPE_CHECKING:
    from zoo.members.recipe import Recipe

NAMED_WEIGHTS = ("imagenet", "none")  # any others are a path
KEYS_LISTED_BY = "cli zoo show lite0-fc-t5"
Rule = tuple[Callable[[Any], bool], str]

COUNT: Rule = (lambda value: value >= 1, "give 1 or more")
NOT_NEGATIVE: Rule = (lambda value: value >= 0, "give 0 or more")
SHARE: Rule = (lambda value: 0 <= value <= 1, "give a share, 0 to 1")

CROPS = range(32, SIZE, 32)

# key: (whether a value fits, what fits in words)
RULES: dict[str, Rule] = {
    "size": (lambda size: size % 32 == 0 and 32 <= size <= 2048, "give a multiple of 32 between 32 and 2048"),
    "weights_sha256": (
        lambda digits: not digits or re.fullmatch(r"[0-9a-f]{12}", digits) is not None,
        "give the first 12 digits of the file's SHA-256, or leave it out",
    ),
    "frames": (
        lambda frames: (
            all(isinstance(f, int) and 1 <= f <= 8 for f in frames) and 5 in frames and len(set(frames)) == len(frames)
        ),
        "give numbers of frames 1 to 8, each once, with the labelled one, 5",
    ),
    "decoder_form": (lambda form: form in (1, 2), "give 1 (before refactor 2) or 2"),
    "decoder_channels": (
        lambda widths: all(type(width) is int and 1 <= width <= 4096 for width in widths),
        "give numbers of channels, 1 to 4096, or [] for the decoder's own",
    ),
    "batch": COUNT,
    "accumulate": COUNT,
    "epochs": COUNT,
    "patience": NOT_NEGATIVE,
    "ema": (lambda decay: 0 <= decay < 1, "give a decay, 0 to below 1; 0.999 is usual"),
    "average_best": COUNT,
    "freeze": SHARE,
    "start_from": (
        lambda start: not start or re.fullmatch(r"[^@/]+(@[0-9a-f]+)?", start) is not None,
        "give MEMBER or MEMBER@HASH, as cli zoo train said them",
    ),
    "crop": (
        lambda crop: crop == 0 or crop in CROPS,
        f"give 0 for whole records, or pixels of the record's 256, whatever `size` is: {', '.join(map(str, CROPS))}",
    ),
    "crop_on_contrails": SHARE,
    "jitter": SHARE,
    "label_smoothing": SHARE,
    "lr": (lambda lr: 0 < lr < 100, "give a learning rate above 0 and below 100"),
    "min_lr": NOT_NEGATIVE,
    "momentum": (lambda momentum: 0 <= momentum < 1, "give 0 to below 1"),
    "warmup": (lambda warmup: 0 <= warmup < 1, "give a share of all steps, 0 to below 1"),
    "milestones": (
        lambda shares: (
            all(isinstance(s, (int, float)) and 0 < s < 1 for s in shares) and list(shares) == sorted(shares)
        ),
        "give rising shares of all steps, each above 0 and below 1",
    ),
    "gamma": (lambda gamma: 0 < gamma <= 1, "give a factor above 0, up to 1"),
    "weight_decay": NOT_NEGATIVE,
    "clip": NOT_NEGATIVE,
}


def check_kinds(recipe: Recipe, kinds: Mapping[str, type]) -> None:
    """UsageError where a key's value is of another kind than the key."""
    for key, kind in kinds.items():
        value = getattr(recipe, key)
        # bool is an int to Python, and a whole number is a fine float to people.
        fits = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"{recipe.name}: {key} = {value!r}; give {_WORDS[kind]}{_meant_list(kind, key, value)}")


def check_values(recipe: Recipe) -> None:
    """UsageError where a value is of the right kind and still does not fit, alone or beside another."""
    for key, (fits, words) in RULES.items():
        if not fits(getattr(recipe, key)):
            _refuse(recipe, key, words)
    if recipe.crop * recipe.size % (32 * SIZE):
        seen = recipe.crop * recipe.size / SIZE
        crops = [str(crop) for crop in CROPS if not crop * recipe.size % (32 * SIZE)]
        words = f"at size {recipe.size} the network would see {seen:g} pixels of it, and it takes multiples of 32"
        _refuse(recipe, "crop", f"{words}; give {', '.join([*crops, '0'])} (0: whole records)")
    if recipe.schedule == "one_cycle" and not recipe.warmup:
        _refuse(recipe, "warmup", "one_cycle needs the share of all steps over which the rate rises; 0.3 is usual")
    if recipe.weights_sha256 and recipe.weights in NAMED_WEIGHTS:
        _refuse(recipe, "weights_sha256", f"is of a file, and weights = {recipe.weights}; leave it out")
    if recipe.min_lr > recipe.lr:
        _refuse(recipe, "min_lr", f"give no more than lr, {recipe.lr:g}")


def _refuse(recipe: Recipe, key: str, rule: str) -> None:
    value = getattr(recipe, key)
    raise UsageError(f"{recipe.name}: {key} = {list(value) if isinstance(value, tuple) else value!r}; {rule}")


def _meant_list(kind: type, key: str, value: Any) -> str:
    """Numbers that only lack their brackets, as they are to be typed."""
    text = str(value).replace(" ", "")
    return f": {key}=[{text}]" if kind is tuple and re.fullmatch(r"[\d.]+(,[\d.]+)*,?", text) else ""


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", tuple: "a list"}
