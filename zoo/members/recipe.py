"""The Recipe of a member: every key of it, checked at birth, hashed.

Stays outside: the files that recipes are read from (zoo.members.files).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import UnknownName, UsageError
from core.files import sha256_of
from core.registry import module_names
from zoo.data import SIZE  # of a record, of its label and of every map
from zoo.inputs import INPUTS
from zoo.members.checks import check_kinds, check_values
from zoo.members.space import Space
from zoo.members.stages import Table, stage_recipes
from zoo.members.terms import Term, parse_terms
from zoo.targets import TARGETS

_ZOO = Path(__file__).parents[1]
# A loss, an augmentation, a decoder, a time mixing is a file named as it: its name is known before torch loads.
LOSS_NAMES = module_names(_ZOO / "losses")
AUGMENTATION_NAMES = module_names(_ZOO / "augment")
CHOICES = {
    "loss_at": ("label", "output"),
    "schedule": ("constant", "cosine", "one_cycle", "step"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
    "clip_mode": ("norm", "value", "agc"),
    "time": tuple(module_names(_ZOO / "models" / "time_mixing")),
    "decoder": tuple(module_names(_ZOO / "models" / "decoders")),
}
# Keys of the first release, which every hash holds.
FIRST_KEYS = (
    *("encoder", "weights", "decoder", "decoder_form", "input", "frames", "size", "loss", "loss_at", "augment"),
    *("registered", "crop", "crop_on_contrails", "optimizer", "lr", "weight_decay", "schedule", "warmup"),
    *("batch", "epochs"),
)
# Keys by which the same thing is computed, faster or in less memory: rounding apart, they change nothing.
HOW_FAST = ("channels_last", "checkpointing", "compile")
NOT_TRAINED = ("name", "tune", "log", "given_by")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, kw_only=True)
class Logged:
    """What the experiment log says of a member: row, scores, and which keys the row itself gave."""

    row: int | None = None
    validation: float | None = None
    leaderboard: float | None = None
    stages: tuple[float, ...] = ()  # validation after each stage
    gave: tuple[str, ...] = ()  # every other key is the zoo's choice
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that makes a member what it is; two recipes that differ in a key are two members."""

    name: str
    encoder: str  # any timm features_only name
    weights: str = "imagenet"  # imagenet | none | the path of a file of the encoder's weights, or of a folder of them
    weights_sha256: str = ""  # how that file's begins; found before a run starts, and counted instead of the path
    decoder: str = "unet"
    decoder_form: int = 2  # of `unet`; 1: before the log's refactor 2; 2: after it
    decoder_channels: tuple[int, ...] = ()  # widths of the decoder's levels, coarsest first; empty: its own
    input: str = "fc"
    frames: tuple[int, ...] = (5,)
    time: str = "concat"  # how several frames are mixed: zoo/models/time_mixing
    size: int = SIZE  # side of the network's input, pixels; logits are resized back to 256
    target: str = "hard"  # what the labelers' masks become: zoo/targets.py
    loss: str = "dice"  # or a weighted sum: 0.9*bce+0.1*dice
    label_smoothing: float = 0.0  # of the cross-entropies in the loss
    loss_at: str = "label"  # label: logits resized to 256 before the loss (refactor 3); output: label resized
    augment: str = "none"  # or names, one after the other, with the share of the scenes: d4+0.5*mosaic+mixup
    registered: bool = False  # views keep the label's half-pixel offset; false: mirrored as they are (the log)
    crop: int = 0  # side of random crops on the 256 grid; an epoch has as many as cover a record; 0: whole
    crop_on_contrails: float = 0.5  # share of the crops of a scene with contrails that are laid on one
    jitter: float = 0.0  # contrast and brightness of each channel, drawn anew for every scene
    optimizer: str = "adam"  # any name of timm's factory
    lr: float = 1e-3  # the highest that the schedule reaches
    momentum: float = 0.9  # of optimizers that have one
    weight_decay: float = 0.0
    schedule: str = "constant"  # constant | cosine | one_cycle | step
    warmup: float = 0.0  # share of all steps over which the rate rises to lr
    min_lr: float = 0.0  # where cosine ends
    milestones: tuple[float, ...] = (0.5, 0.75)  # step: shares of all steps after which the rate falls by gamma
    gamma: float = 0.1
    clip: float = 0.0  # of the gradients, by clip_mode; 0: none
    clip_mode: str = "norm"
    batch: int = 32
    accumulate: int = 1  # batches whose gradients make one step
    epochs: int = 100
    patience: int = 0  # epochs without a better Dice after which it ends; 0: never before its last
    freeze: float = 0.0  # share of the epochs, from the first, in which the encoder stays as it is
    ema: float = 0.0  # decay of the moving average of the weights, which is scored and kept; 0: the weights themselves
    average_best: int = 1  # of so many best epochs the weights are averaged, where that scores no worse
    precision: str = "auto"  # fp32 | bf16 | fp16 | auto: the fastest on the device
    channels_last: bool = True  # this and the next two: how fast, in how much memory
    checkpointing: bool = False  # the encoder's features are computed twice and kept once
    compile: bool = False  # by torch.compile
    start_from: str = ""  # MEMBER@HASH, whose run of the same fold gives the first weights
    stages: tuple[Table, ...] = ()  # each changes keys of the one before, and starts from its best weights
    # No part of what is trained: a run does not write them down.
    tune: Space = field(default=(), compare=False)  # which keys `zoo tune` may change, and to what
    log: Logged = field(default_factory=Logged, compare=False)
    # The file that gave a key, None: the command line; an heir after its base. A key that is not here is a default.
    given_by: Mapping[str, Path | None] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f'member "{self.name}": a name is letters, digits, ".", "_", "+", "-"; rename the file')
        check_kinds(self, _SCALARS)
        for key, known in CHOICES.items():
            if getattr(self, key) not in known:
                raise UnknownName(key, getattr(self, key), known, self.name)
        INPUTS.entry(self.input)
        TARGETS.entry(self.target)
        _ = self.loss_terms, self.augment_terms  # a bad name or number is refused here
        check_values(self)
        _ = self.staged  # a bad stage is refused here
        for key in _FLOATS:
            object.__setattr__(self, key, float(getattr(self, key)))
        object.__setattr__(self, "stages", tuple(tuple(map(_as_float, table)) for table in self.stages))

    @property
    def staged(self) -> tuple[Recipe, ...]:
        """The recipe of each stage; the recipe itself where it has none."""
        return stage_recipes(self)

    @property
    def final(self) -> Recipe:
        """The last stage's recipe: that of the network which predicts."""
        return self.staged[-1]

    @property
    def total_epochs(self) -> int:
        """Those of all its stages."""
        return sum(stage.epochs for stage in self.staged)

    @property
    def heads(self) -> int:
        """Maps that the network gives while it learns; the first one predicts."""
        return len(TARGETS.facts(self.target).weights)

    @property
    def loss_terms(self) -> tuple[Term, ...]:
        """What `loss` adds up; `bce_dice` is the first release's name of a sum."""
        text = "bce+dice" if self.loss == "bce_dice" else self.loss
        return parse_terms(text, "loss", LOSS_NAMES, self.name)

    @property
    def augment_terms(self) -> tuple[Term, ...]:
        """The augmentations in their order; a number is a share of the scenes."""
        if self.augment == "none":
            return ()
        return parse_terms(self.augment, "augment", AUGMENTATION_NAMES, self.name, most=1.0)

    @property
    def seen(self) -> int:
        """Side in pixels of the smallest image that the network meets: of a crop, or of a whole record."""
        return self.crop * self.size // SIZE if self.crop else self.size

    @property
    def resolved(self) -> dict[str, Any]:
        """Every key of the recipe; the hash is made of those that are `counted`."""
        document = asdict(self)
        for key in NOT_TRAINED:
            del document[key]
        document["stages"] = [dict(table) for table in self.stages]
        resolved: dict[str, Any] = _thawed(document)
        return resolved

    @property
    def counted(self) -> dict[str, Any]:
        """The keys that change what is trained, and their values.

        A key that came after the first release counts only where it differs from its default: a new key must not
        orphan what was trained before it. A file of weights counts by what is in it, wherever it lies.
        """
        at_default = {f.name for f in fields(self) if getattr(self, f.name) == f.default}
        left_out = at_default.difference(FIRST_KEYS).union(HOW_FAST, {"weights"} if self.weights_sha256 else ())
        keys = {key: value for key, value in self.resolved.items() if key not in left_out}
        if self.stages:
            tables = keys["stages"]
            keys["stages"] = [{key: value for key, value in one.items() if key not in HOW_FAST} for one in tables]
        return keys

    def as_toml(self) -> str:
        """A file that stands on its own: `--member FILE` trains the same recipe."""
        return "".join(f"{key} = {toml_text(value)}\n" for key, value in self.resolved.items())

    def hash(self, with_val: bool, folds_sha256: str) -> str:
        """Twelve hex digits that name this recipe trained with this split."""
        return sha256_of({"recipe": self.counted, "with_val": with_val, "folds": folds_sha256})[:12]


def _as_float(pair: tuple[str, Any]) -> tuple[str, Any]:
    return (pair[0], float(pair[1])) if pair[0] in _FLOATS else pair


def _thawed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_thawed(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _thawed(entry) for key, entry in value.items()}
    return value


def toml_text(value: Any) -> str:
    """A value as it stands in a TOML file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_text(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    # JSON's text, numbers and booleans are TOML's too, but for its surrogates and for DEL as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


_SCALARS: dict[str, type] = {
    f.name: {"str": str, "int": int, "float": float, "bool": bool}.get(str(f.type), tuple)
    for f in fields(Recipe)
    if f.name not in ("log", "given_by")
}
# A whole number there is the same number, and must make the same hash.
_FLOATS = tuple(key for key, kind in _SCALARS.items() if kind is float)
