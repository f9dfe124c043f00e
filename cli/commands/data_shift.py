"""`cli data shift`: how far labels lie off the contrails that they mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.completing import complete_trained
from cli.options import Settings, common, tables
from cli.output import show

if TYPE_CHECKING:
    from zoo.workflows.shift import ViewShift


@click.command("shift")
@click.argument("member", required=False, metavar="[MEMBER[@HASH]]", shell_complete=complete_trained)
@tables
@common
def shift(settings: Settings, member: str | None) -> None:
    """Measure how far labels must move to lie on their contrails, in pixels down (dy) and right (dx).

    By the cross-correlation of the labels with the ridges of T14 - T15, for each source, and compared with the offset
    that it declares. With a trained MEMBER also by its maps of mirrored scenes.
    """
    from cli.tables.shift import print_shifts
    from zoo.data import find_folds
    from zoo.data.shift import measure_label_shifts

    scenes, listener = settings.scenes(), settings.listener
    folds = find_folds(settings.runs.folds, scenes, settings.seed, settings.jobs, listener)
    found = measure_label_shifts(scenes, folds, jobs=settings.jobs, listener=listener)
    shown = _by_member(settings, member) if member else None
    document = {"labels": [each.as_dict() for each in found], "maps": shown.as_dict() if shown else None}
    show(settings, document, lambda console: print_shifts(console, found, shown))


def _by_member(settings: Settings, member: str) -> ViewShift:
    from zoo.runs import Ref
    from zoo.workflows.shift import measure_view_shift

    ref = Ref.parse(settings.one_member(member))
    return measure_view_shift(settings.runs, settings.scenes(), ref, **settings.how())
