"""`cli zoo show M --augmented`: a picture of what each augmentation makes of a few scenes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import say
from core.errors import UsageError, UserError
from core.files import atomic_write, require_folder

if TYPE_CHECKING:
    from zoo.augment import Exhibit
    from zoo.data import Record, Scenes
    from zoo.members import Recipe

SHOWN = 3  # scenes: those with the most contrail pixels
LOOKED_AT = 60  # of so many, the first by id: a picture need not read 20,000 masks
SYNTHETIC = 6
DPI = 110  # a pixel of the picture for each of a scene
BESIDE = 2  # exhibits in a row


def draw_augmented(settings: Settings, recipe: Recipe, path: Path) -> None:
    """Draw each augmentation, on the scenes that --data names, else on synthetic ones."""
    from zoo.augment import gallery
    from zoo.inputs import require_input

    if path.suffix.lower() != ".png":
        raise UsageError(f"--augmented {path}: the picture is a PNG; give a name that ends in .png")
    require_folder(path)
    with ExitStack() as stack:
        scenes = settings.scenes() if settings.data else _synthetic(settings, stack)
        records = _with_contrails(scenes)
        require_input(scenes, records, recipe.input, recipe.frames)
        exhibits = gallery(recipe.final, scenes, records, settings.seed)
    _draw(exhibits, [record.id for record in records], path)
    say(settings, f"{path}: each augmentation on {len(records)} scenes; labels are outlined")


def _synthetic(settings: Settings, stack: ExitStack) -> Scenes:
    from zoo.data import open_scenes
    from zoo.data.synth import make_scenes

    folder = Path(stack.enter_context(TemporaryDirectory()))
    say(settings, "no --data: synthetic scenes")
    options: dict[str, Any] = {"seed": settings.seed, "jobs": settings.jobs, "listener": settings.listener}
    make_scenes(folder, train=SYNTHETIC, validation=0, test=0, **options)
    return open_scenes([folder])


def _with_contrails(scenes: Scenes) -> list[Record]:
    looked_at = scenes.labelled[:LOOKED_AT]
    if not looked_at:
        raise UserError("none of these sources has a label; name one that has, or none: synthetic scenes are drawn")
    return sorted(looked_at, key=lambda record: -int(scenes.mask(record).sum()))[:SHOWN]


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
            # Soft labels have several outlines; a level that no pixel crosses would be warned of.
            levels = [level for level in (0.25, 0.5, 0.75) if label.min() < level < label.max()]
            if levels:
                axis.contour(label, levels=levels, colors="white", linewidths=0.6)
            axis.set_title(record_id if exhibit is exhibits[0] else "", fontsize=7)
            axis.set_axis_off()
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=DPI)
