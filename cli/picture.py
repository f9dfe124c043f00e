"""A picture of a few scenes: ash colour, label, the ensemble's out-of-fold mask."""

from pathlib import Path

import numpy as np

from cli.submit_maps import oof_maps
from core.files import atomic_write
from ensemble import read_ensemble
from zoo.data import LABELLED, open_scenes
from zoo.inputs import read_channels
from zoo.runs import Store

SCENES = 4


def draw_scenes(data: Path, runs: Store, path: Path) -> Path:
    """Draw the labelled scenes with the most contrail pixels, one a row; returns `path`."""
    from matplotlib.figure import Figure

    scenes, ensemble = open_scenes([data]), read_ensemble(runs.ensemble("default"))
    records = [record for record in scenes.labelled if record.id in set(ensemble.record_ids)]
    records = sorted(records, key=lambda record: -int(scenes.mask(record).sum()))[:SCENES]
    ids = [record.id for record in records]
    members = {name: member.maps(ids) for name, member in oof_maps(runs, ensemble).items()}
    figure = Figure(figsize=(9, 3 * len(records)), layout="constrained")
    axes = figure.subplots(len(records), 3, squeeze=False)
    for row, record, predicted in zip(axes, records, ensemble.apply(members)):
        ash = read_channels(scenes, record, "fc", (LABELLED,))[0]
        pictures = (np.moveaxis(ash, 0, -1), scenes.mask(record), predicted)
        for axis, picture, title in zip(row, pictures, (f"ash colour, {record.id}", "label", "prediction")):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=100)
    return path
