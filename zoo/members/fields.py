"""Fields of a recipe: each key's default, the values that fit, how it counts, and its description.

The docstring below a field is what docs/keys.md says of the key; no other page describes it. Stays outside: what holds
of several keys together (zoo.members.recipe).
"""

from dataclasses import MISSING, dataclass
from typing import Any

from zoo.data import SIZE  # of a record, of its label and of every map
from zoo.data.label_offset import ADVICE, LABEL_OFFSET, is_offset
from zoo.inputs import INPUTS
from zoo.members.keys import ABOVE_ZERO, BELOW_ONE, COUNT, NOT_NEGATIVE, SHARE, Rule, key
from zoo.members.rules import (
    CROP,
    DIGITS,
    FACTOR,
    FRAMES,
    LABELLED_FRAMES,
    MILESTONES,
    RATE,
    SIZES,
    START,
    TEACHER,
    WEIGHTS,
    WIDTHS,
)
from zoo.schedules import SCHEDULES
from zoo.targets import TARGETS

# Keys and values of a stage, in the order given; a table that can be hashed.
Table = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class RecipeFields:
    """Keys of a recipe, by which it is trained, and the name of its member."""

    name: str
    encoder: str = key(MISSING, "network", always_hashed=True, fixed=True, asks_torch=True, asks_run=True)
    """Any name of timm's models with `features_only`."""
    weights: str = key("imagenet", "weights", always_hashed=True, fixed=True, asks_torch=True, asks_run=True)
    """First weights of the encoder: `imagenet` (timm's), `none`, or the path of a file of the encoder's weights or of a
    folder of them."""
    weights_sha256: str = key("", "weights", DIGITS, fixed=True)
    """First 12 digits of that file's SHA-256, counted instead of the path; filled in by the run."""
    stem_stride: int = key(2, "network", Rule(lambda stride: stride in (1, 2), "give 1, or 2: its own"), asks_run=True)
    """1: the encoder's first convolution, of stride 2, moves pixel by pixel, so that all features are twice as fine
    (place 2)."""
    decoder: str = key("unet", "network", always_hashed=True, asks_run=True)
    """From the encoder's pyramid to logits."""
    decoder_form: int = key(
        2,
        "network",
        Rule(lambda form: form in (1, 2), "give 1 (before refactor 2) or 2"),
        always_hashed=True,
        asks_run=True,
    )
    """Of the decoder `unet`; 1 is its form before the log's second refactor."""
    decoder_channels: tuple[int, ...] = key((), "network", WIDTHS, asks_run=True)
    """Widths of the decoder's levels, coarsest first; empty: its own."""
    deep_supervision: tuple[float, ...] = key((), "network", WEIGHTS, asks_run=True)
    """Weights of the losses of auxiliary logits at the decoder's coarser levels, finest first."""
    label_head: bool = key(False, "network", asks_run=True)
    """A small learned convolution takes logits from the image's grid to that of the labels (place 1)."""
    record_head: float = key(0.0, "network", NOT_NEGATIVE, asks_run=True)
    """Weight of the loss of a classifier of records, whose probability multiplies the map (after place 6); 0: none."""
    input: str = key("fc", "reading", choices=INPUTS.names, always_hashed=True, fixed=True, asks_run=True)
    """Named conversion from kelvin to channels."""
    frames: tuple[int, ...] = key((5,), "reading", FRAMES, always_hashed=True, fixed=True, asks_run=True)
    """Frames that are read; frame 5 is labelled."""
    time: str = key("concat", "network", asks_run=True)
    """How the features of several frames are mixed."""
    size: int = key(SIZE, "network", SIZES, always_hashed=True, asks_run=True)
    """Side of the network's input in pixels; its logits are resized back to 256."""
    enlarge: str = key("bilinear", "network", choices=("bilinear", "bicubic"))
    """How records are resized to `size` (`bicubic`: place 2); test-time `scale` views are always bilinear."""
    target: str = key("hard", "reading", choices=TARGETS.names, fixed=True, asks_run=True)
    """What the network learns: the mask, or what is made of the labelers' masks."""
    border_smoothing: float = key(0.0, "reading", SHARE, fixed=True)
    """Label smoothing of masks along the contrails' borders alone."""
    loss: str = key("dice", "loss", always_hashed=True, asks_torch=True)
    """A loss, or a weighted sum, `0.9*bce+0.1*tversky(alpha=0.7)`; or one for each head of the target, `bce | dice`."""
    label_smoothing: float = key(0.0, "loss", SHARE, asks_torch=True)
    """Of the cross-entropies in the loss (`bce`, `focal`)."""
    loss_at: str = key("label", "training", choices=("label", "output"), always_hashed=True)
    """`label`: logits are resized to 256 before the loss (the log's third refactor); `output`: the label is resized."""
    augment: str = key("none", "training", always_hashed=True, asks_torch=True)
    """`none`, or augmentations and groups of them, one after the other, each with its share of the scenes:
    `0.95*(d4+0.5*mosaic)`."""
    registered: bool = key(False, "training", always_hashed=True, asks_run=True)
    """Views keep the label's offset from the image; false: mirrored as they are, as in the log."""
    label_offset: float = key(LABEL_OFFSET, "training", Rule(is_offset, ADVICE), fixed=True)
    """That offset in pixels, down and to the right; filled in from the sources."""
    crop: int = key(0, "training", CROP, always_hashed=True, asks_run=True)
    """Side of random square crops in pixels of the record; an epoch has as many as cover a record. 0: whole records."""
    crop_on_contrails: float = key(0.5, "training", SHARE, always_hashed=True)
    """Share of the crops of a scene with contrails that are laid on one."""
    sample_positives: float = key(0.0, "training", SHARE)
    """Share of the scenes of every batch that have a contrail; 0: as many as there are."""
    sample_hard: float = key(0.0, "training", SHARE)
    """Share of the scenes that are drawn by the cross-entropy that their record had in the epoch before."""
    jitter: float = key(0.0, "training", SHARE)
    """Strength of random contrast and brightness, drawn for each channel and scene."""
    optimizer: str = key("adam", "optimizer", always_hashed=True, asks_torch=True)
    """Any name of timm's factory, such as `adam`, `adamw`, `sgd`, `nesterov`, `lamb`; also after `lookahead_`:
    `lookahead_radam` is Ranger."""
    lr: float = key(1e-3, "optimizer", RATE, always_hashed=True, asks_torch=True)
    """Learning rate; the schedule's highest."""
    momentum: float = key(0.9, "optimizer", BELOW_ONE, asks_torch=True)
    """Of optimizers that have one."""
    weight_decay: float = key(0.0, "optimizer", NOT_NEGATIVE, always_hashed=True, asks_torch=True)
    """Weight decay of the optimizer."""
    encoder_lr: float = key(1.0, "optimizer", ABOVE_ZERO)
    """Learning rate of the encoder, as a factor of `lr`."""
    layer_decay: float = key(1.0, "optimizer", FACTOR)
    """Factor of the rate from each layer of the encoder to the one before it, as in timm; the decoder counts as the one
    after all. 1: none."""
    decay_norms: bool = key(True, "optimizer")
    """False: norms, biases and tables of positions have no weight decay."""
    schedule: str = key("constant", "training", choices=SCHEDULES.names, always_hashed=True)
    """Learning rate over the steps: `constant`; `cosine`, down to `min_lr`; `one_cycle`; `step`, times `gamma` after
    each of the `milestones`."""
    warmup: float = key(
        0.0,
        "training",
        Rule(BELOW_ONE.fits, "give a share of all steps, 0 to below 1"),
        always_hashed=True,
    )
    """Share of all steps over which the rate rises to `lr`; it scales with the number of epochs."""
    min_lr: float = key(0.0, "training", NOT_NEGATIVE)
    """Rate at which `cosine` ends."""
    milestones: tuple[float, ...] = key((0.5, 0.75), "training", MILESTONES)
    """Shares of all steps after which the rate of `step` falls by `gamma`; they scale with the number of epochs."""
    gamma: float = key(0.1, "training", FACTOR)
    """Factor by which the rate of `step` falls."""
    clip: float = key(0.0, "training", NOT_NEGATIVE)
    """Clipping of the gradients, by `clip_mode`; 0: none."""
    clip_mode: str = key("norm", "training", choices=("norm", "value", "agc"))
    """By the norm of all gradients, by the value of each, or by timm's adaptive clipping."""
    batch: int = key(32, "training", COUNT, always_hashed=True)
    """Scenes of a batch."""
    accumulate: int = key(1, "training", COUNT)
    """Batches whose gradients make one step of the optimizer."""
    epochs: int = key(100, "training", COUNT, always_hashed=True)
    """Number of epochs; schedules scale with it."""
    patience: int = key(0, "training", NOT_NEGATIVE)
    """Epochs without a better Dice after which training ends; 0: never."""
    score_every: int = key(1, "training", COUNT)
    """Epochs from one scoring of the held-out fold to the next, counted back from the last."""
    freeze: float = key(0.0, "training", SHARE)
    """Share of the epochs, from the first, with a frozen encoder."""
    drop_path: float = key(0.0, "training", BELOW_ONE, asks_run=True)
    """Stochastic depth: share of the scenes that skip the encoder's last block; it falls linearly towards the first."""
    ema: float = key(0.0, "training", Rule(BELOW_ONE.fits, "give a decay, 0 to below 1; 0.999 is usual"))
    """Decay of an exponential moving average of the weights, which is then scored and kept; 0: none."""
    average_best: int = key(1, "training", COUNT)
    """Number of best epochs whose weights are averaged, where the mean is no worse."""
    soup: int = key(1, "training", COUNT, fixed=True)
    """Number of seeds whose runs are averaged into one; they need the same `start_from`. 1: none."""
    precision: str = key("auto", "training", choices=("auto", "fp32", "bf16", "fp16"))
    """Precision of the arithmetic of training; `auto` depends on the device, and does not count in the hash."""
    channels_last: bool = key(True, "speed")
    """Memory layout with channels last."""
    checkpointing: bool = key(False, "speed", asks_run=True)
    """Features of the encoder are computed twice instead of kept: less memory, more time."""
    compile: bool = key(False, "speed")
    """Networks are compiled by `torch.compile`; a run whose network cannot be compiled ends."""
    start_from: str = key("", "weights", START, fixed=True, asks_run=True)
    """`MEMBER` or `MEMBER@HASH`, whose run of the same fold gives the first weights; `--from` sets it."""
    adapt: bool = key(False, "weights", fixed=True, asks_run=True)
    """BatchNorm's statistics are those of the records without a mask, all other weights those of `start_from`."""
    adapt_sha256: str = key("", "weights", DIGITS, fixed=True)
    """First 12 digits of the digest of these records' ids; filled in by the run."""
    pseudo: str = key("", "reading", TEACHER, fixed=True, asks_run=True)
    """Teacher whose maps label frames and records without a mask: `MEMBER`, `ensemble+NAME`, or either with `@HASH`."""
    pseudo_sha256: str = key("", "reading", DIGITS, fixed=True)
    """First 12 digits of the digest of these maps; filled in by the run."""
    pseudo_tta: str = key("none", "reading", fixed=True)
    """Views with which the teacher made them."""
    pseudo_frames: tuple[int, ...] = key((4, 6), "reading", LABELLED_FRAMES, fixed=True, asks_run=True)
    """Frames of the records trained on that the teacher labels."""
    pseudo_unlabelled: tuple[int, ...] = key((), "reading", LABELLED_FRAMES, fixed=True, asks_run=True)
    """Frames of records without a mask that it labels."""
    pseudo_share: float = key(0.5, "training", SHARE)
    """Share of the samples that have such labels; it can differ between stages."""
    distill: float = key(0.0, "reading", SHARE, fixed=True, asks_run=True)
    """Weight of the teacher's map of frame 5 in the target, against the mask."""
    stages: tuple[Table, ...] = key((), "training", fixed=True, asks_torch=True, asks_run=True)
    """Tables of keys, `[[stages]]`; each changes keys of the one before, and starts from its weights."""
