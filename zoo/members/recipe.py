"""The Recipe of a member: parsed from TOML, checked at birth, hashed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from core.errors import UnknownName, UsageError, UserError
from core.files import sha256_of
from core.registry import module_names
from zoo.data import SIZE  # of a record, of its label and of every map
from zoo.inputs import INPUTS
from zoo.members.checks import check_kinds, check_values
from zoo.members.space import Space, parse_space
from zoo.members.stages import Table, set_in_stages, stage_recipes
from zoo.members.terms import Term, parse_terms
from zoo.targets import TARGETS

SHIPPED = Path(__file__).parent
# A loss, an augmentation, a decoder, a time mixing is a file named as it: its name is known before torch loads.
LOSS_NAMES = module_names(SHIPPED.parent / "losses")
AUGMENTATION_NAMES = module_names(SHIPPED.parent / "augment")
CHOICES = {
    "loss_at": ("label", "output"),
    "schedule": ("constant", "cosine", "one_cycle", "step"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
    "clip_mode": ("norm", "value", "agc"),
    "time": tuple(module_names(SHIPPED.parent / "models" / "time_mixing")),
    "decoder": tuple(module_names(SHIPPED.parent / "models" / "decoders")),
}
# Keys of the first release, which every hash holds.
FIRST_KEYS = (
    *("encoder", "weights", "decoder", "decoder_form", "input", "frames", "size", "loss", "loss_at", "augment"),
    *("registered", "crop", "crop_on_contrails", "optimizer", "lr", "weight_decay", "schedule", "warmup"),
    *("batch", "epochs"),
)
# Keys by which the same thing is computed, faster or in less memory: rounding apart, they change nothing.
HOW_FAST = ("channels_last", "checkpointing", "compile")
NOT_TRAINED = ("name", "tune", "log")
NAMED_WEIGHTS = ("imagenet", "none")  # any others are a path
LISTED_BY, KEYS_LISTED_BY = "cli zoo list", "cli zoo show lite0-fc-t5"
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
    def heads(self) -> int:
        """Maps that the network gives while it learns; the first one predicts."""
        return len(TARGETS.entry(self.target).facts["weights"])

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
        return "".join(f"{key} = {_toml(value)}\n" for key, value in self.resolved.items())

    def hash(self, with_val: bool, folds_sha256: str) -> str:
        """Twelve hex digits that name this recipe trained with this split."""
        return sha256_of({"recipe": self.counted, "with_val": with_val, "folds": folds_sha256})[:12]


def member_names(folder: Path | None = None) -> list[str]:
    """The shipped members, and those of the user's own folder."""
    return sorted({path.stem for place in _places(folder) for path in place.glob("*.toml")})


def load_member(name: str, folder: Path | None = None) -> Recipe:
    """A member by name, or by the path of a TOML file; UsageError where it is not there, UserError for a bad file."""
    return _load(name, folder, ())


def read_recipe(path: Path, name: str) -> Recipe:
    """The recipe of member `name` that a run wrote down, taken at its word: a path in it is not looked at."""
    with _fault_of(path, name):
        document = _read(path)
        _refuse_unknown(document, [f.name for f in fields(Recipe) if f.name not in NOT_TRAINED], path)
        return Recipe(name=name, **_values(document))


def _load(name: str, folder: Path | None, heirs: tuple[Path, ...]) -> Recipe:
    """`heirs`: the files that inherit from this one. One may bear the name of what it inherits from."""
    files = [Path(name)] if name.endswith(".toml") else [place / f"{name}.toml" for place in _places(folder)]
    there = [path for path in files if path.is_file()]
    for path in there:
        if path.resolve() not in heirs:
            with _fault_of(path, path.stem):
                return _parse(path, folder, heirs)
    if there:
        raise UsageError(f'base = "{name}": inherits from itself; give another `base`')
    if name.endswith(".toml"):
        raise UsageError(f"{name}: no such member file")
    raise UnknownName("member", name, member_names(folder), listed_by=LISTED_BY)


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` with a TOML value; a bare word is a string."""
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f'--set "{text}": give key=value')
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with these keys changed, in every stage; an unknown key is answered with its nearest.

    `stages.K.KEY` changes one stage alone.
    """
    known = [f.name for f in fields(Recipe) if f.name not in NOT_TRAINED]
    for key in settings:
        if key not in known and not key.startswith("stages."):
            raise UnknownName("key", key, known, recipe.name, KEYS_LISTED_BY)
    return replace(recipe, **set_in_stages(recipe, _unpinned(_values(settings))))


def _places(folder: Path | None) -> Sequence[Path]:
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of members; mend `members` in the configuration")
    return (SHIPPED,) if folder is None else (folder, SHIPPED)


def _parse(path: Path, folder: Path | None, heirs: tuple[Path, ...]) -> Recipe:
    document = _read(path)
    base, log, tune = document.pop("base", None), document.pop("log", {}), document.pop("tune", None)
    if not isinstance(log, dict) or not isinstance(base, str | None) or not isinstance(tune, dict | None):
        raise UserError(f"{path}: `base` is the name of a member, `[log]` a table, `[tune]` a table")
    _refuse_unknown(document, [*(f.name for f in fields(Recipe) if f.name != "name"), "base"], path)
    _refuse_unknown({f"log.{key}": None for key in log}, [f"log.{f.name}" for f in fields(Logged)], path)
    given = {"name": path.stem, "log": Logged(**_values(log)), **_unpinned(_values(document))}
    if given.get("weights", "none") not in NAMED_WEIGHTS and isinstance(given["weights"], str):
        given["weights"] = str((path.parent / given["weights"]).absolute())
    if tune is not None:
        tunable = [f.name for f in fields(Recipe) if f.name not in NOT_TRAINED]
        given["tune"] = parse_space(tune, tunable, str(path))
    if base is not None:
        where = str(path.parent / base) if base.endswith(".toml") else base
        return replace(_load(where, folder, (*heirs, path.resolve())), **given)
    if "encoder" not in document:
        raise UserError(f"{path}: names neither `encoder` nor `base`; a member needs one of them")
    return Recipe(**given)


@contextmanager
def _fault_of(path: Path, name: str) -> Iterator[None]:
    """Whatever is wrong in here is wrong in this file, and not in the call."""
    try:
        yield
    except UsageError as error:
        reason = str(error).removeprefix(f"{path}: ").removeprefix(f"{name}: ")
        raise UserError(f"{path}: {reason}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no readable TOML ({error})") from error


def _refuse_unknown(given: Mapping[str, Any], known: Sequence[str], path: Path) -> None:
    for key in given:
        if key not in known:
            raise UnknownName("key", key, known, listed_by=KEYS_LISTED_BY)


def _unpinned(given: dict[str, Any]) -> dict[str, Any]:
    """Other weights, or another file of a folder: what was known of the old ones does not hold."""
    return {"weights_sha256": "", **given} if given.keys() & {"weights", "encoder"} else given


def _as_float(pair: tuple[str, Any]) -> tuple[str, Any]:
    return (pair[0], float(pair[1])) if pair[0] in _FLOATS else pair


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _frozen(value) for key, value in document.items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(entry) for entry in value)
    if isinstance(value, dict):
        return tuple((key, _frozen(entry)) for key, entry in value.items())
    return value


def _thawed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_thawed(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _thawed(entry) for key, entry in value.items()}
    return value


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)  # JSON's text, numbers and booleans are TOML's too


_SCALARS: dict[str, type] = {
    f.name: {"str": str, "int": int, "float": float, "bool": bool}.get(str(f.type), tuple)
    for f in fields(Recipe)
    if f.name != "log"
}
# A whole number there is the same number, and must make the same hash.
_FLOATS = tuple(key for key, kind in _SCALARS.items() if kind is float)
