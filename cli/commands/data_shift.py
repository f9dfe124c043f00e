"""`cli data shift`: how far labels lie off the contrails that they mark."""

import click

from cli.options import Settings, common
from cli.output import show


@click.command("shift")
@common
def shift(settings: Settings) -> None:
    """Measure how far labels must move to lie on their contrails, in pixels down (dy) and right (dx).

    By the cross-correlation of the labels with the ridges of T14 - T15, for each source, and compared with the offset
    that it declares.
    """
    from cli.tables.shift import print_shifts
    from zoo.data import find_folds
    from zoo.data.shift import measure_label_shifts

    scenes, listener = settings.scenes(), settings.listener
    folds = find_folds(settings.runs.folds, scenes, settings.seed, settings.jobs, listener)
    found = measure_label_shifts(scenes, folds, jobs=settings.jobs, listener=listener)
    document = {"labels": [each.as_dict() for each in found]}
    show(settings, document, lambda console: print_shifts(console, found))
