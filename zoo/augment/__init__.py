"""Augmentation: batches of images and labels, changed together on the device. One file each, named after it.

In: images (n, frames, channels, H, W), labels (n, heads, H, W), the label's offset, a generator. Out: the same, new.
An augmentation draws anew for every scene, changes all frames of a scene alike, and leaves its label where it lay on
the image: `offset` pixels further down and right (zoo.geometry), 0 for labels on the image's own grid. A label that is
not known is NaN, and what depends on it becomes NaN. Numbers are drawn on the CPU, so that every device draws the same.
Keyword-only parameters are options. Stays outside: which of them a recipe names, files, the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from core.registry import Registry
from zoo.members import Recipe

Pair = tuple[Tensor, Tensor]
Augmentation = Callable[..., Pair]  # images, labels, offset, generator, and its own options by name


@dataclass(frozen=True, kw_only=True)
class AugmentationFacts:
    """Facts of an augmentation."""

    share: float  # of the scenes that it changes, where a recipe gives none
    moves: bool  # the label changes with the image
    # Why it does not fit a recipe, and what to give instead; empty: it does.
    misfit: Callable[[Recipe], str] = lambda recipe: ""


AUGMENTATIONS: Registry[Augmentation, AugmentationFacts] = Registry("augmentation", AugmentationFacts, package=__name__)

from zoo.augment._chain import augment, check_augment, crop, training_view  # noqa: E402  they ask the registry
from zoo.augment._picture import draw_augmentations  # noqa: E402
from zoo.augment.colour import jitter  # noqa: E402

__all__ = [
    "AUGMENTATIONS",
    "AugmentationFacts",
    "augment",
    "check_augment",
    "crop",
    "draw_augmentations",
    "jitter",
    "training_view",
]
