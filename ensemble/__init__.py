"""Ensembles of segmentation members: weights, threshold and min-pixels, fitted exactly and reported honestly.

In: members' out-of-fold maps, masks, folds: arrays of any binary segmentation problem (`fit`), or the predictions under
a runs folder (`fit_runs`). Out: an `Ensemble` that turns maps into masks, with a report of its cross-fitted Dice. Stays
outside: torch, training, submission files. An export is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ensemble.arrays import Ensembler, fit
    from ensemble.comparison import compare_ensembles
    from ensemble.job import FitJob, fit_runs
    from ensemble.model import Ensemble, MemberUse
    from ensemble.report import FitReport
    from ensemble.strategy import FitOptions

_MODULES = {
    "Ensemble": "model",
    "Ensembler": "arrays",
    "FitJob": "job",
    "FitOptions": "strategy",
    "FitReport": "report",
    "MemberUse": "model",
    "compare_ensembles": "comparison",
    "fit": "arrays",
    "fit_runs": "job",
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


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
