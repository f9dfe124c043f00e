"""Picture of a few scenes after every augmentation: images with the outlines of their labels, as a PNG."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import UsageError, UserError
from core.files import atomic_write, require_folder
from core.listener import SILENT, Listener
from core.locks import locked
from zoo.augment import AUGMENTATIONS, Pair
from zoo.augment._chain import augment, training_view
from zoo.data import LABELLED, Record, Scenes, open_scenes
from zoo.inputs import INPUTS, fit_scaling, read_channels, require_input
from zoo.members import Recipe, pin_label_offset
from zoo.members.terms import Term, leaves
from zoo.targets import read_target

SHOWN = 3  # scenes: those with the most contrail pixels
SEARCHED = 60  # of these many, the first by id: a picture need not read 20,000 masks
DPI = 110  # a pixel of the picture for each of a scene
BESIDE = 2  # exhibits in a row
GAP, GROUNDS = 0.03, ("white", "#eceff3")  # between them, in widths of one; colours behind them

Floats = NDArray[np.float32]


def draw_augmentations(
    recipe: Recipe,
    path: Path,
    scenes: Scenes | None = None,
    *,
    synthetic: int = 6,
    seed: int = 0,
    jobs: int = 1,
    listener: Listener = SILENT,
) -> None:
    """Draw the augmentations, each alone and as the recipe combines them, on the scenes with the most contrail pixels.

    scenes: by default `synthetic` scenes made for it. path: a PNG. UsageError for another name, or a folder that does
    not exist; UserError for scenes without a label or without what the recipe's input needs.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path}: the picture is a PNG; give a name that ends in .png")
    require_folder(path)
    if scenes:
        _draw_scenes(recipe, path, scenes, seed, listener)
        return
    from zoo.data.synth import make_scenes

    with TemporaryDirectory() as folder:
        listener.info("no --data: synthetic scenes")
        make_scenes(Path(folder), train=synthetic, validation=0, test=0, seed=seed, jobs=jobs, listener=listener)
        _draw_scenes(recipe, path, open_scenes(folder), seed, listener)


def _draw_scenes(recipe: Recipe, path: Path, scenes: Scenes, seed: int, listener: Listener) -> None:
    records = _with_contrails(scenes)
    require_input(scenes, records, recipe.input, recipe.frames)
    exhibits = gallery(pin_label_offset(recipe, scenes).final, scenes, records, seed)
    _draw(exhibits, [record.id for record in records], path)
    listener.info(f"{path}: each augmentation on {len(records)} scenes; labels are outlined")


def _with_contrails(scenes: Scenes) -> list[Record]:
    searched = scenes.labelled[:SEARCHED]
    if not searched:
        raise UserError("none of these sources has a label; name one that has, or none: synthetic scenes are drawn")
    return sorted(searched, key=lambda record: -int(scenes.mask(record).sum()))[:SHOWN]


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Scenes after an augmentation: colours (n, H, W, 3) in 0..1 and labels (n, H, W)."""

    title: str
    colours: Floats
    labels: Floats


def gallery(recipe: Recipe, scenes: Scenes, records: Sequence[Record], seed: int) -> list[Exhibit]:
    """Exhibits of the records as the member reads them, as it trains on them, and after each augmentation alone.

    Augmentations that do not fit the recipe are left out. Exhibits show the labelled frame: an ash colour unchanged; of
    other inputs the first three channels, or one as grey, from the 1st to the 99th percentile over the records. An
    input that is scaled takes the statistics of these records.
    """
    images, labels = _batch(recipe, scenes, records)
    shown = recipe.frames.index(LABELLED)
    facts = INPUTS.facts(recipe.input)
    is_ash = facts.channels == 3 and not facts.scaled
    limits = (0.0, 1.0) if is_ash else np.percentile(_colours(images[:, shown]), (1, 99), axis=(0, 1, 2))

    def exhibit(title: str, seen: Tensor, marked: Tensor) -> Exhibit:
        colours = (_colours(seen[:, shown]) - limits[0]) / np.maximum(limits[1] - limits[0], 1e-6)
        return Exhibit(title, colours.clip(0, 1), marked[:, 0].numpy())

    def alone(term: Term) -> Pair:
        generator = torch.Generator().manual_seed(seed)
        return augment(images, labels, [replace(term, weight=1.0)], recipe.view_offset, generator)

    generator = torch.Generator().manual_seed(seed)
    trained = training_view(recipe, images, labels, torch.device("cpu"), generator)
    settings = [f"{key} {getattr(recipe, key)}" for key in ("crop", "jitter") if getattr(recipe, key)]
    as_trained = f"as trained: {', '.join([recipe.augment, *settings])}"
    first = [exhibit("as read", images, labels), exhibit(as_trained, *trained)]
    own = {term.name: term for term in leaves(recipe.augment_terms)}  # with the recipe's options
    fitting = [name for name in AUGMENTATIONS.names() if not AUGMENTATIONS.facts(name).misfit(recipe)]
    return first + [exhibit(name, *alone(own.get(name, Term(name)))) for name in fitting]


def _batch(recipe: Recipe, scenes: Scenes, records: Sequence[Record]) -> Pair:
    scaling = fit_scaling(scenes, records, recipe.input, recipe.frames)
    channels = [read_channels(scenes, record, recipe.input, recipe.frames) for record in records]
    images = np.stack([scaling(one) if scaling else one for one in channels])
    targets = np.stack([read_target(scenes, one, recipe.target, recipe.border_smoothing) for one in records])
    return torch.from_numpy(images), torch.from_numpy(targets)


def _colours(images: Tensor) -> Floats:
    """(n, channels, H, W) -> (n, H, W, 3)."""
    colours: Floats = images[:, [0, 1, 2] if images.shape[1] > 2 else [0, 0, 0]].permute(0, 2, 3, 1).numpy()
    return colours


def _draw(exhibits: Sequence[Exhibit], ids: Sequence[str], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(ids) * BESIDE, 2.6 * -(-len(exhibits) // BESIDE)), layout="constrained")
    blocks = figure.subfigures(-(-len(exhibits) // BESIDE), BESIDE, squeeze=False, wspace=GAP).ravel()
    for place, (block, exhibit) in enumerate(zip(blocks, exhibits)):
        block.suptitle(exhibit.title, fontsize=9)
        block.set_facecolor(GROUNDS[place % BESIDE])
        for axis, colours, label, record_id in zip(
            block.subplots(1, len(ids), squeeze=False)[0], exhibit.colours, exhibit.labels, ids
        ):
            axis.imshow(colours, interpolation="nearest")
            # Soft labels have several outlines; matplotlib warns of a level that no pixel crosses.
            levels = [level for level in (0.25, 0.5, 0.75) if label.min() < level < label.max()]
            if levels:
                axis.contour(label, levels=levels, colors="white", linewidths=0.6)
            if exhibit is exhibits[0]:  # inside, so that all images are of one size
                axis.text(0.02, 0.02, record_id, transform=axis.transAxes, fontsize=6, backgroundcolor="white")
            axis.set_axis_off()
    with locked(path), atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=DPI)
