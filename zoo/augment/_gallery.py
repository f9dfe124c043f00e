"""Gallery: a few scenes after every augmentation, for people to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._chain import augment, training_view
from zoo.data import LABELLED, Record, Scenes
from zoo.geometry import LABEL_OFFSET
from zoo.inputs import INPUTS, fit_scaling, read_channels
from zoo.members import Recipe
from zoo.members.terms import Term
from zoo.targets import read_target

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Scenes after an augmentation: colours (n, H, W, 3) in 0..1 and labels (n, H, W)."""

    title: str
    colours: Floats
    labels: Floats


def gallery(recipe: Recipe, scenes: Scenes, records: Sequence[Record], seed: int) -> list[Exhibit]:
    """Exhibits of the records as the member reads them, as it trains on them, and after each augmentation alone.

    They show the labelled frame: an ash colour unchanged; of other inputs the first three channels, or one as grey,
    from the 1st to the 99th percentile over the records. An input that is scaled takes the statistics of these records.
    """
    images, labels = _batch(recipe, scenes, records)
    shown = recipe.frames.index(LABELLED)
    facts = INPUTS.facts(recipe.input)
    is_ash = facts.channels == 3 and not facts.scaled
    limits = (0.0, 1.0) if is_ash else np.percentile(_colours(images[:, shown]), (1, 99), axis=(0, 1, 2))

    def exhibit(title: str, seen: Tensor, marked: Tensor) -> Exhibit:
        colours = (_colours(seen[:, shown]) - limits[0]) / np.maximum(limits[1] - limits[0], 1e-6)
        return Exhibit(title, colours.clip(0, 1), marked[:, 0].numpy())

    def alone(name: str) -> tuple[Tensor, Tensor]:
        offset = LABEL_OFFSET if recipe.registered else 0.0
        return augment(images, labels, [Term(name, 1.0)], offset, torch.Generator().manual_seed(seed))

    generator = torch.Generator().manual_seed(seed)
    trained = training_view(recipe, images, labels, torch.device("cpu"), generator)
    first = [exhibit("as read", images, labels), exhibit(f"as trained: {_views(recipe)}", *trained)]
    return first + [exhibit(name, *alone(name)) for name in AUGMENTATIONS.names()]


def _views(recipe: Recipe) -> str:
    """Settings that change a training view."""
    others = [f"{key} {getattr(recipe, key)}" for key in ("crop", "jitter") if getattr(recipe, key)]
    return ", ".join([recipe.augment, *others])


def _batch(recipe: Recipe, scenes: Scenes, records: Sequence[Record]) -> tuple[Tensor, Tensor]:
    scaling = fit_scaling(scenes, records, recipe.input, recipe.frames)
    channels = [read_channels(scenes, record, recipe.input, recipe.frames) for record in records]
    images = np.stack([scaling(one) if scaling else one for one in channels])
    targets = np.stack([read_target(scenes, record, recipe.target) for record in records])
    return torch.from_numpy(images), torch.from_numpy(targets)


def _colours(images: Tensor) -> Floats:
    """(n, channels, H, W) -> (n, H, W, 3)."""
    colours: Floats = images[:, [0, 1, 2] if images.shape[1] > 2 else [0, 0, 0]].permute(0, 2, 3, 1).numpy()
    return colours
