"""Ensembles of segmentation members: weights, threshold and min-pixels, fitted exactly and reported honestly.

In: members' out-of-fold maps, masks, folds: arrays of any binary segmentation problem (`fit`), or the predictions under
a runs folder (`fit_runs`). Out: an `Ensemble` that turns maps into masks, with a report of its cross-fitted Dice. Stays
outside: torch, training, submission files. An export is imported when it is first used.
"""

from typing import TYPE_CHECKING

from core.lazy import lazy_exports

if TYPE_CHECKING:
    from ensemble.arrays import Ensembler, fit
    from ensemble.comparison import compare_ensembles
    from ensemble.job import FitJob, fit_runs
    from ensemble.model import Ensemble, MemberUse
    from ensemble.report import FitReport
    from ensemble.strategy import FitOptions

_OWNERS = {
    "arrays": ("Ensembler", "fit"),
    "comparison": ("compare_ensembles",),
    "job": ("FitJob", "fit_runs"),
    "model": ("Ensemble", "MemberUse"),
    "report": ("FitReport",),
    "strategy": ("FitOptions",),
}

__all__ = [
    "Ensemble",
    "Ensembler",
    "FitJob",
    "FitOptions",
    "FitReport",
    "MemberUse",
    "compare_ensembles",
    "fit",
    "fit_runs",
]

__getattr__, __dir__ = lazy_exports(__name__, _OWNERS)
