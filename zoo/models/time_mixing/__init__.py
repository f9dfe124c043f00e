"""Time mixing: from the features of several frames to one pyramid. One file each, named after it.

In: images (n, frames, channels, H, W), which it lays out for the shared encoder; then the encoder's features, finest
first. Out: features (n, channels[i], h, w) of the labelled frame's picture. `channels` says how many they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from core.errors import UsageError
from core.registry import Registry
from zoo.data import LABELLED
from zoo.members.options import options_of

if TYPE_CHECKING:
    from zoo.members import Recipe


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Shapes that a time mixing is built for: a pyramid's levels, finest first, and the frames' numbers, in order."""

    channels: list[int]
    strides: list[int]
    numbers: tuple[int, ...]

    @property
    def labelled(self) -> int:
        """Index of the labelled frame."""
        return self.numbers.index(LABELLED)

    @property
    def others(self) -> list[int]:
        """Indices of the other frames, earliest first."""
        return sorted((i for i, number in enumerate(self.numbers) if number != LABELLED), key=self.numbers.__getitem__)


class TimeMixing(nn.Module):
    """Base class; frames go through the encoder one by one unless `arrange` lays them out otherwise.

    forward: the encoder's features, (m, c, h, w) a level -> (n, channels[i], h, w).
    """

    channels: list[int]

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.frames = frames
        self.channels = frames.channels

    def arrange(self, images: Tensor) -> Tensor:
        """(n, frames, channels, H, W) -> the encoder's pictures (m, channels, H', W')."""
        return images.flatten(0, 1)

    def apart(self, features: Tensor) -> Tensor:
        """(n * frames, c, h, w) -> (n, frames, c, h, w)."""
        return features.unflatten(0, (-1, len(self.frames.numbers)))


@dataclass(frozen=True, kw_only=True)
class TimeMixingFacts:
    """Facts of a time mixing."""

    least: int = 1  # frames that it takes
    most: int = 8
    side: int = 1  # side of the encoder's picture, in sides of a frame


TIME_MIXING: Registry[Callable[..., TimeMixing], TimeMixingFacts] = Registry("time", TimeMixingFacts, package=__name__)


def make_time_mixing(recipe: Recipe, channels: list[int], strides: list[int]) -> TimeMixing:
    """Time mixing of a recipe; UsageError if it takes another number of frames, or an option does not fit."""
    term = recipe.time_term
    entry = TIME_MIXING.entry(term.name)
    least, most, given = entry.facts.least, entry.facts.most, len(recipe.frames)
    if not least <= given <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise UsageError(f"{recipe.name}: time = {term.name} mixes {wanted} frames, the recipe has {given}")
    return entry.make(
        Frames(channels=channels, strides=strides, numbers=recipe.frames), **options_of(term, entry.make, recipe.name)
    )
