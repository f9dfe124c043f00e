"""The split that a command works on: `folds.csv` under --runs, made where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.options import Settings
from cli.output import progress, say

if TYPE_CHECKING:
    from zoo.data import Folds, Scenes

FOLDS = 5


def find_folds(settings: Settings, scenes: Scenes) -> Folds:
    """The folds of folds.csv; without one, new ones, which `keep_folds` writes once nothing can be refused any more."""
    from zoo.data import make_folds, read_folds

    path = settings.runs.folds
    if path.exists():
        return read_folds(path)
    with progress(settings, "folds", len(scenes.labelled)) as advance:
        return make_folds(scenes, FOLDS, settings.seed, settings.jobs, advance)


def keep_folds(settings: Settings, folds: Folds) -> None:
    """Write the folds where there is no folds.csv yet, and say so."""
    from zoo.data import write_folds

    path = settings.runs.folds
    if not path.exists():
        write_folds(path, folds)
        say(settings, f"{path}: was not there; made {folds.count} folds grouped by scene")
