"""Picture of a few scenes: ash colour, label, the ensemble's out-of-fold mask.

In: a store, an ensemble, scenes. Out: a PNG. Stays outside: choosing an ensemble.
"""

from pathlib import Path

import numpy as np

from core.files import atomic_write
from core.locks import locked
from ensemble import Ensemble
from pipeline.maps import oof_maps
from zoo.data import LABELLED, Scenes
from zoo.inputs import read_channels
from zoo.runs import Store

SCENES = 4


def draw_scenes(store: Store, ensemble: Ensemble, scenes: Scenes, path: Path) -> Path:
    """Draw the labelled scenes with the most contrail pixels, a row each; returns `path`."""
    from matplotlib.figure import Figure

    records = [record for record in scenes.labelled if record.id in set(ensemble.record_ids)]
    records = sorted(records, key=lambda record: -int(scenes.mask(record).sum()))[:SCENES]
    ids = [record.id for record in records]
    members = {name: member.maps(ids) for name, member in oof_maps(store, ensemble).items()}
    figure = Figure(figsize=(9, 3 * len(records)), layout="constrained")
    axes = figure.subplots(len(records), 3, squeeze=False)
    for row, record, predicted in zip(axes, records, ensemble.apply(members)):
        ash = read_channels(scenes, record, "fc", (LABELLED,))[0]
        pictures = (np.moveaxis(ash, 0, -1), scenes.mask(record), predicted)
        for axis, picture, title in zip(row, pictures, (f"ash colour, {record.id}", "label", "prediction")):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
    with locked(path), atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=100)
    return path
