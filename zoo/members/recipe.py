"""Recipe of a member: its keys, checked on creation, and its hash.

Every list of keys is a query on the fields. Stays outside: the fields themselves (zoo.members.fields), the files that
recipes are read from (zoo.members.files), changes by `--set` (zoo.members.settings).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from core.errors import UnknownName, UsageError
from core.files import sha256_of
from core.registry import module_names
from zoo.data import SIZE  # of a record, of its label and of every map
from zoo.members.fields import RecipeFields, Table
from zoo.members.keys import (
    KEYS_LISTED_BY,
    Part,
    keys_of_class,
    refusal,
)
from zoo.members.rules import (
    CROPS,
)
from zoo.members.space import Space
from zoo.members.terms import Term, parse_term, parse_terms
from zoo.members.toml import thawed, toml_text
from zoo.schedules import SCHEDULES
from zoo.targets import TARGETS

_ZOO = Path(__file__).parents[1]
# A loss, an augmentation, a decoder, a time mixing is a file named as it: its name is known before torch loads.
LOSS_NAMES = module_names(_ZOO / "losses")
AUGMENTATION_NAMES = module_names(_ZOO / "augment")
DECODER_NAMES = module_names(_ZOO / "models" / "decoders")
TIME_MIXING_NAMES = module_names(_ZOO / "models" / "time_mixing")
NAMED_WEIGHTS = ("imagenet", "none")  # any others are a path
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, kw_only=True)
class Logged:
    """What a member repeats, a row of the experiment log or a published recipe: its scores, the keys that it gives."""

    row: int | None = None
    source: str = ""  # where it was published, if it is no row of the log: "place 1"
    validation: float | None = None
    leaderboard: float | None = None
    stages: tuple[float, ...] = ()  # validation after each stage
    gave: tuple[str, ...] = ()  # every other key is the zoo's choice
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe(RecipeFields):
    """All settings of a member; recipes that differ in a key are different members."""

    # No part of what is trained: a run does not write them down.
    tune: Space = field(default=(), compare=False)  # which keys `zoo tune` may change, and to what
    log: Logged = field(default_factory=Logged, compare=False)
    # The file that gave a key, None: the command line; an heir after its base. A key that is not here is a default.
    given_by: Mapping[str, Path | None] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f'member "{self.name}": a name is letters, digits, ".", "_", "+", "-"; rename the file')
        for name, told in KEYS.items():
            told.check(self.name, name, getattr(self, name))
        # A bad name or number is refused here.
        _ = self.loss_terms, self.augment_terms, self.decoder_term, self.time_term
        _check_together(self)
        _ = self.staged  # a bad stage is refused here
        for name in _FLOATS:
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "stages", tuple(tuple(map(_as_float, table)) for table in self.stages))

    @property
    def staged(self) -> tuple[Self, ...]:
        """Recipe of each stage, one after the other; the recipe itself if it has no stages."""
        return self._stages if self.stages else (self,)

    @cached_property
    def _stages(self) -> tuple[Self, ...]:
        current, found = replace(self, stages=()), []
        for number, table in enumerate(self.stages, start=1):
            where = f"{self.name}: stage {number}"
            check_stage(self, table, where)
            try:
                given = dict(table) | {"start_from": self.start_from if number == 1 else ""}
                current = replace(current, given_by=self._given_by(current, table), **given)
            except UsageError as error:
                raise UsageError(f"{where}: {str(error).removeprefix(f'{self.name}: ')}") from error
            found.append(current)
        return tuple(found)

    def _given_by(self, before: Self, table: Table) -> dict[str, Path | None]:
        """Givers of a stage's keys: those of its table were given with the stages."""
        changed = dict(table)
        older = {name: giver for name, giver in before.given_by.items() if name not in changed}
        return older | dict.fromkeys(changed, self.given_by.get("stages"))

    @property
    def final(self) -> Self:
        """Recipe of the last stage: that of the network which predicts."""
        return self.staged[-1]

    @property
    def view_offset(self) -> float:
        """Pixels by which labels lie further down and right than images, in every view; 0 if views ignore that."""
        return self.label_offset if self.registered else 0.0

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.staged)

    @property
    def changing_keys(self) -> tuple[str, ...]:
        """Keys that are not the same in all stages, in the recipe's order."""
        named = {name for table in self.stages for name, _ in table}
        return tuple(
            name for name in KEYS if name in named and len({getattr(stage, name) for stage in self.staged}) > 1
        )

    @property
    def heads(self) -> int:
        """Number of maps that the network returns while it learns; the first one predicts."""
        return len(TARGETS.facts(self.target).weights)

    @cached_property
    def loss_terms(self) -> tuple[tuple[Term, ...], ...]:
        """Losses of each head, which `loss` adds up; `bce_dice` is the first release's name of a sum."""
        sums = ["bce+dice" if self.loss == "bce_dice" else text for text in self.loss.split("|")]
        if len(sums) not in (1, self.heads):
            words = f"give one sum, or one for each head of target {self.target}, {self.heads} in all"
            raise refusal(self.name, "loss", self.loss, words)
        each = tuple(parse_terms(text, "loss", LOSS_NAMES, self.name) for text in sums)
        return each if len(each) == self.heads else each * self.heads

    @cached_property
    def augment_terms(self) -> tuple[Term, ...]:
        """Augmentations and groups of them in their order; a number is a share of the scenes."""
        if self.augment == "none":
            return ()
        return parse_terms(self.augment, "augment", AUGMENTATION_NAMES, self.name, most=1.0, groups=True)

    @cached_property
    def decoder_term(self) -> Term:
        """The decoder's name and its options."""
        return parse_term(self.decoder, "decoder", DECODER_NAMES, self.name)

    @cached_property
    def time_term(self) -> Term:
        """The time mixing's name and its options."""
        return parse_term(self.time, "time", TIME_MIXING_NAMES, self.name)

    @property
    def seen(self) -> int:
        """Side in pixels of the smallest image that the network meets: of a crop, or of a whole record."""
        return self.crop * self.size // SIZE if self.crop else self.size

    @property
    def resolved(self) -> dict[str, Any]:
        """Every key and its value, as TOML has them; the hash is made of those that are `counted`."""
        values = {name: thawed(getattr(self, name)) for name in KEYS}
        return values | {"stages": [{name: thawed(value) for name, value in table} for table in self.stages]}

    @property
    def counted(self) -> dict[str, Any]:
        """Keys that change what is trained, and their values.

        A key that came after the first release counts only where it differs from its default: a new key must not
        orphan what was trained before it. A file of weights counts by what is in it, wherever it lies.
        """
        faster = keys_of("speed")
        at_default = {
            name for name, told in KEYS.items() if not told.always_hashed and getattr(self, name) == told.default
        }
        looked_up = {"weights"} if self.weights_sha256 else set()
        if not any(stage.registered for stage in self.staged):
            looked_up.add("label_offset")
        left_out = at_default.union(faster, looked_up)
        counted = {name: value for name, value in self.resolved.items() if name not in left_out}
        if self.stages:
            tables = counted["stages"]
            counted["stages"] = [{k: value for k, value in table.items() if k not in faster} for table in tables]
        return counted

    def as_toml(self) -> str:
        """Text of a file that stands on its own: `cli zoo train FILE` trains the same recipe."""
        return "".join(f"{name} = {toml_text(value)}\n" for name, value in self.resolved.items())

    def hash(self, with_val: bool, folds_sha256: str) -> str:
        """Twelve hex digits that name this recipe trained with this split."""
        made_of = (with_val, folds_sha256)
        if made_of not in self._hashes:
            document = {"recipe": self.counted, "with_val": with_val, "folds": folds_sha256}
            self._hashes[made_of] = sha256_of(document)[:12]
        return self._hashes[made_of]

    @cached_property
    def _hashes(self) -> dict[tuple[bool, str], str]:
        return {}


KEYS = keys_of_class(Recipe)
# A whole number there is the same number, and must make the same hash.
_FLOATS = tuple(name for name, told in KEYS.items() if told.kind is float)


def keys_of(*parts: Part) -> tuple[str, ...]:
    """Names of the keys of these parts, in the recipe's order."""
    return tuple(name for name, told in KEYS.items() if told.part in parts)


def check_stage(recipe: Recipe, table: Any, where: str) -> None:
    """Raise UsageError if a stage is no table, or gives a key that no stage may change."""
    if not isinstance(table, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in table):
        raise UsageError(f"{where}: give a table of keys, [[stages]] or {{key = value}}")
    known = [name for name, told in KEYS.items() if not told.fixed]
    for name, _ in table:
        if name in known:
            continue
        if name in {f.name for f in fields(recipe)}:
            raise UsageError(f"{where}: {name} is the same in all stages; give it before them")
        raise UnknownName("key", str(name), known, where, KEYS_LISTED_BY)


def _check_together(recipe: Recipe) -> None:
    """Raise UsageError for values that fit alone and not beside another key's."""
    if recipe.crop * recipe.size % (32 * SIZE):
        seen = recipe.crop * recipe.size / SIZE
        crops = [str(crop) for crop in CROPS if not crop * recipe.size % (32 * SIZE)]
        words = f"at size {recipe.size} the network would see {seen:g} pixels of it, and it takes multiples of 32"
        words = f"{words}; give {', '.join([*crops, '0'])} (0: whole records)"
        raise refusal(recipe.name, "crop", recipe.crop, words)
    if SCHEDULES.facts(recipe.schedule).rises and not recipe.warmup:
        words = f"{recipe.schedule} needs the share of all steps over which the rate rises; 0.3 is usual"
        raise refusal(recipe.name, "warmup", recipe.warmup, words)
    if recipe.weights_sha256 and recipe.weights in NAMED_WEIGHTS:
        words = f"is of a file, and weights = {recipe.weights}; leave it out"
        raise refusal(recipe.name, "weights_sha256", recipe.weights_sha256, words)
    if recipe.pseudo and not (recipe.pseudo_frames or recipe.pseudo_unlabelled or recipe.distill):
        raise refusal(recipe.name, "pseudo", recipe.pseudo, "give pseudo_frames, pseudo_unlabelled or distill, too")
    if recipe.distill and not recipe.pseudo:
        raise refusal(recipe.name, "distill", recipe.distill, "give the teacher, pseudo = MEMBER")
    if recipe.label_head and not recipe.registered:
        words = "learns one offset, which other views would turn; give registered = true, too"
        raise refusal(recipe.name, "label_head", recipe.label_head, words)
    if recipe.soup > 1 and recipe.stages:
        raise refusal(recipe.name, "soup", recipe.soup, "averages runs of one stage; leave soup or stages out")
    if recipe.soup > 1 and not recipe.start_from:
        words = "averages runs that start from the same weights; give their member, start_from"
        raise refusal(recipe.name, "soup", recipe.soup, words)
    if recipe.adapt and (not recipe.start_from or recipe.soup > 1 or recipe.stages):
        words = "takes the weights of a trained member as they are; give it as start_from, without soup and stages"
        raise refusal(recipe.name, "adapt", recipe.adapt, words)
    if recipe.min_lr > recipe.lr:
        raise refusal(recipe.name, "min_lr", recipe.min_lr, f"give no more than lr, {recipe.lr:g}")


def _as_float(pair: tuple[str, Any]) -> tuple[str, Any]:
    return (pair[0], float(pair[1])) if pair[0] in _FLOATS else pair
