"""Picture of every augmentation on a few scenes: images with the outlines of their labels, as a PNG."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import UsageError, UserError
from core.files import atomic_write, require_folder
from core.listener import SILENT, Listener
from zoo.augment._gallery import Exhibit, gallery
from zoo.data import Record, Scenes, open_scenes
from zoo.inputs import require_input
from zoo.members import Recipe

SHOWN = 3  # scenes: those with the most contrail pixels
SEARCHED = 60  # of these many, the first by id: a picture need not read 20,000 masks
DPI = 110  # a pixel of the picture for each of a scene
BESIDE = 2  # exhibits in a row


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
    exhibits = gallery(recipe.final, scenes, records, seed)
    _draw(exhibits, [record.id for record in records], path)
    listener.info(f"{path}: each augmentation on {len(records)} scenes; labels are outlined")


def _with_contrails(scenes: Scenes) -> list[Record]:
    searched = scenes.labelled[:SEARCHED]
    if not searched:
        raise UserError("none of these sources has a label; name one that has, or none: synthetic scenes are drawn")
    return sorted(searched, key=lambda record: -int(scenes.mask(record).sum()))[:SHOWN]


def _draw(exhibits: Sequence[Exhibit], ids: Sequence[str], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(ids) * BESIDE, 2.6 * -(-len(exhibits) // BESIDE)), layout="constrained")
    blocks = figure.subfigures(-(-len(exhibits) // BESIDE), BESIDE, squeeze=False).ravel()
    for block, exhibit in zip(blocks, exhibits):
        block.suptitle(exhibit.title, fontsize=9)
        for axis, colours, label, record_id in zip(
            block.subplots(1, len(ids), squeeze=False)[0], exhibit.colours, exhibit.labels, ids
        ):
            axis.imshow(colours, interpolation="nearest")
            # Soft labels have several outlines; matplotlib warns of a level that no pixel crosses.
            levels = [level for level in (0.25, 0.5, 0.75) if label.min() < level < label.max()]
            if levels:
                axis.contour(label, levels=levels, colors="white", linewidths=0.6)
            axis.set_title(record_id if exhibit is exhibits[0] else "", fontsize=7)
            axis.set_axis_off()
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=DPI)
